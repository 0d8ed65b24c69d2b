import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// `npm run dev` shows the page with hot reload and takes everything else from a running service.
const service = process.env.WHARF_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: "es2022",
    // The content security policy is `default-src 'self'`: nothing may be inlined into the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      "/v1": service,
      "/sandbox": service,
      "/docs": service,
      "/openapi.json": service,
      "/ws": { target: service, ws: true },
    },
  },
});
