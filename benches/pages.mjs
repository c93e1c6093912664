// How soon and how heavy each page is in a real Chromium with an empty cache: node pages.mjs BASE ROUNDS
// Prints JSON: for each page the medians of first paint and of the last late part in ms, bytes as sent, and requests.

import { launch, open, settled } from "../tests/browser/browser.mjs";

const [base, rounds] = [process.argv[2], Number(process.argv[3])];
const paths = [
  "/",
  "/reviews",
  "/milestones",
  "/milestone/fleet-night",
  "/catalogue",
  "/metric/review_load",
  "/metric/milestone_drift",
  "/metric/review_load/explain?team=payments",
  "/data",
];
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const browser = await launch();
const rows = [];
for (const path of paths) {
  const seen = { paint: [], whole: [], bytes: [], requests: [] };
  for (let round = 0; round < rounds; round += 1) {
    const { context, page } = await open(browser, base);
    const network = await context.newCDPSession(page);
    await network.send("Network.enable");
    let [bytes, requests] = [0, 0];
    network.on("Network.loadingFinished", ({ encodedDataLength }) => {
      bytes += encodedDataLength;
      requests += 1;
    });
    const started = performance.now();
    await page.goto(base + path);
    await settled(page);
    seen.whole.push(performance.now() - started);
    const paint = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
    await page.waitForFunction(paint);
    seen.paint.push(await page.evaluate(paint));
    seen.bytes.push(bytes);
    seen.requests.push(requests);
    await context.close();
  }
  rows.push({ path, ...Object.fromEntries(Object.entries(seen).map(([name, values]) => [name, median(values)])) });
}
await browser.close();
console.log(JSON.stringify(rows));
