/** Texts whose computed contrast to what is behind them is too small (WCAG 2.2, 1.4.3). */
import type { Page } from "@playwright/test";

export function poorContrasts(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    type Rgba = [number, number, number, number];

    const parse = (color: string): Rgba => {
      const [r = 0, g = 0, b = 0, a = 1] = (color.match(/[\d.]+/g) ?? []).map(Number);
      return [r, g, b, a];
    };
    const over = (top: Rgba, below: Rgba): Rgba => {
      const mix = (i: 0 | 1 | 2) => top[i] * top[3] + below[i] * (1 - top[3]);
      return [mix(0), mix(1), mix(2), 1];
    };
    const behind = (element: Element | null): Rgba => {
      if (!element) return parse(getComputedStyle(document.body).backgroundColor);
      const ground = parse(getComputedStyle(element).backgroundColor);
      return ground[3] === 1 ? ground : over(ground, behind(element.parentElement));
    };
    const luminance = ([r, g, b]: Rgba) => {
      const linear = (value: number) => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      };
      return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    };

    const poor = new Set<string>();
    let measured = 0;
    const measure = (element: Element, words: string) => {
      const style = getComputedStyle(element);
      const ground = behind(element);
      const ink = over(parse(style.color), ground);
      const [light, dark] = [luminance(ink), luminance(ground)].sort((a, b) => b - a) as [number, number];
      const ratio = (light + 0.05) / (dark + 0.05);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      measured += 1;
      if (ratio < (large ? 3 : 4.5)) poor.add(`${ratio.toFixed(2)} : 1 for “${words.slice(0, 40)}”`);
    };

    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      const words = node.textContent?.trim();
      if (!element || !words || !element.checkVisibility()) continue;
      // What is disabled needs no contrast, and what only screen readers get is not seen.
      if (element.closest(":disabled, .visually-hidden, noscript")) continue;
      measure(element, words);
    }
    for (const input of document.querySelectorAll("input, select")) measure(input, `the field ${input.id}`);
    return measured > 0 ? [...poor] : ["nothing was measured"];
  });
}
