// A real Chromium, and what every page is held to: nothing in the console, no other host, no serious finding of axe,
// no body that scrolls sideways.
//
// PLIMSOLL_BROWSER names a folder whose node_modules have playwright-core and axe-core; tests/run makes it.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const folder = process.env.PLIMSOLL_BROWSER;
const modules = createRequire(join(folder, "package.json"));
const { chromium } = modules("playwright-core");
const axe = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");

export const PATIENCE_MS = 60_000;

export function launch() {
  const executablePath = process.env.PLIMSOLL_CHROMIUM ?? "/usr/bin/chromium";
  // Tests may run as root, and in a container with a small /dev/shm.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

// A page whose faults are collected in `faults`.
export async function open(browser, base, { width = 1440, scheme = "light", script = true } = {}) {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: scheme,
    javaScriptEnabled: script,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(base)) faults.push(`another host: ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
  });
  return { context, page, faults };
}

// Until every part of the page that loads late is there.
export async function settled(page) {
  await page.waitForFunction(
    () => ![...document.querySelectorAll("[data-load]")].some((part) => part.ariaBusy === "true" || part.querySelector(".waiting")),
    null,
    { timeout: PATIENCE_MS },
  );
}

// What is wrong with the page as it stands.
export async function findings(page) {
  const found = [];
  const { inner, scroll } = await page.evaluate(() => ({
    inner: document.documentElement.clientWidth,
    scroll: document.documentElement.scrollWidth,
  }));
  if (scroll > inner) found.push(`the body is ${scroll} px wide on a screen of ${inner}`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  for (const { impact, id, nodes } of violations)
    if (impact === "serious" || impact === "critical") found.push(`axe ${impact} ${id}: ${nodes[0].target}`);
  return found;
}
