// What people do with the pages, done by a real browser: node journeys.mjs http://127.0.0.1:8080
// Prints a line for each journey, and ends with 1 when one of them fails.

import assert from "node:assert/strict";

import { findings, launch, open, settled } from "./browser.mjs";

const base = process.argv[2];
const browser = await launch();

const journeys = {
  async "a lead asks why a number is what it is, a month ago"(page) {
    await page.goto(base);
    await settled(page);
    assert.equal(await page.locator(".card .value").count(), 3, "three headline cards");
    assert.equal(await page.locator(".card svg.chart").count(), 3, "each with its course");
    await page.getByRole("link", { name: "Review load" }).first().click();
    await page.getByRole("heading", { level: 1, name: "Review load" }).waitFor();
    await settled(page);
    assert.ok((await page.locator("svg.chart:visible").count()) >= 2, "bars and lines");

    const slider = page.getByRole("slider");
    await slider.focus();
    for (let week = 0; week < 4; week += 1) await page.keyboard.press("ArrowLeft");
    await page.waitForURL(/as_of=\d{4}-\d{2}-\d{2}/);
    await page.getByText("As it was on").waitFor();
    await settled(page);

    await page.locator("td.pin a").first().click();
    await page.getByRole("heading", { level: 1, name: /^Why/ }).waitFor();
    assert.match(page.url(), /as_of=/, "the moment is kept");
    const source = page.locator("a[rel~=noreferrer]").first();
    assert.match(await source.getAttribute("href"), /^https?:/);
  },

  async "a lead looks at a milestone that slips"(page) {
    await page.goto(base + "/milestones");
    await page.getByRole("link", { name: "Night sailings" }).click();
    await page.getByRole("heading", { level: 1, name: "Night sailings" }).waitFor();
    await settled(page);
    assert.equal(await page.locator("svg.chart:visible").count(), 2, "slip chart and burn-up");
    for (const heading of ["Why it drifts", "Every change of the plan"])
      await page.getByRole("heading", { name: heading }).waitFor();
    assert.ok((await page.getByRole("region", { name: "Table: ledger" }).locator("tbody tr").count()) > 5, "each change of the plan");
  },

  async "a reviewer takes what presses most"(page) {
    await page.goto(base + "/reviews");
    const scores = await page.locator("td .score").allTextContents();
    const numbers = scores.map(Number);
    assert.ok(numbers.length > 5);
    assert.deepEqual(numbers, [...numbers].sort((a, b) => b - a), "the most pressing first");
    await page.getByRole("link", { name: /^Why: / }).first().click();
    await page.getByRole("region", { name: "Table: events" }).waitFor();
  },

  async "an operator asks whether the data can be trusted"(page) {
    await page.goto(base + "/data");
    await settled(page);
    assert.ok((await page.getByRole("region", { name: "Table: sources" }).locator("tbody tr").count()) >= 3);
    await page.getByText("metrics are evaluated").waitFor();
  },

  async "somebody finds a metric by a word"(page) {
    await page.goto(base + "/catalogue");
    const all = await page.locator("[data-metric]:visible").count();
    await page.getByRole("searchbox").fill("truck");
    const left = page.locator("[data-metric]:visible");
    assert.ok(all > 20 && (await left.count()) === 1);
    await left.getByRole("link").click();
    await page.getByRole("heading", { level: 1, name: "Truck factor" }).waitFor();
    await settled(page);
  },

  async "the first stop of the keyboard leads past the navigation"(page) {
    await page.goto(base);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await settled(page);
  },
};

const pages = [
  "/",
  "/reviews",
  "/milestones",
  "/milestone/fleet-night",
  "/catalogue",
  "/data",
  "/metric/review_load",
  "/metric/review_response_time?team=payments",
  "/metric/milestone_drift?as_of=2026-01-01",
  "/metric/reviewer_load",
  "/metric/delegation_balance/explain?team=fleet",
  "/view/review_episode",
];

let failures = 0;
async function told(name, work) {
  try {
    await work();
    console.log(`ok    ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL  ${name}: ${error.message}`);
  }
}

for (const [name, journey] of Object.entries(journeys)) {
  await told(name, async () => {
    const { context, page, faults } = await open(browser, base);
    await journey(page);
    await context.close();
    assert.deepEqual(faults, []);
  });
}

for (const scheme of ["light", "dark"]) {
  for (const width of [360, 1440]) {
    const { context, page, faults } = await open(browser, base, { width, scheme });
    for (const path of pages) {
      await told(`${path} ${scheme} ${width} px`, async () => {
        faults.length = 0;
        await page.goto(base + path);
        await settled(page);
        assert.deepEqual([...faults, ...(await findings(page))], []);
      });
    }
    await context.close();
  }
}

await told("without the script, a part has a page of its own", async () => {
  const { context, page, faults } = await open(browser, base, { script: false });
  await page.goto(base);
  await page.getByRole("link", { name: "Open it on its own" }).first().click();
  await page.locator("svg.chart").first().waitFor();
  await context.close();
  assert.deepEqual(faults, []);
});

await told("a wrong address is told in a sentence", async () => {
  const { context, page } = await open(browser, base);
  const answer = await page.goto(base + "/metric/review_laod");
  assert.equal(answer.status(), 404);
  assert.match(await page.locator("h1").textContent(), /did you mean review_load/);
  assert.deepEqual(await findings(page), []);
  await context.close();
});

await browser.close();
process.exit(failures === 0 ? 0 : 1);
