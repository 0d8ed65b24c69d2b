/** Getting around without a mouse. */
import { expect, type Page } from "@playwright/test";

/** Tabs to the control with this name, and checks that each stop on the way shows the focus. */
export async function reach(page: Page, name: string | RegExp): Promise<void> {
  const wanted = (label: string) => (typeof name === "string" ? label === name : name.test(label));
  for (let stops = 0; stops < 80; stops += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      if (!(element instanceof HTMLElement) || element === document.body) return null;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      const field = element instanceof HTMLInputElement || element instanceof HTMLSelectElement;
      const label = field ? element.labels?.[0]?.textContent : (element.ariaLabel ?? element.textContent);
      return { label: label?.trim() ?? "", visible: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 };
    });
    if (!focused) continue;
    expect(focused.visible, `the focus on “${focused.label}” can be seen`).toBe(true);
    if (wanted(focused.label)) return;
  }
  throw new Error(`“${String(name)}” cannot be reached by the keyboard`);
}
