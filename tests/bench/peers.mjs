// SPDX-License-Identifier: MIT
// ONNX Runtime for peers.py:  node peers.mjs NODE-MODULES FOLDER MODEL THREADS
// Says "ready", and then the milliseconds of a run for each line that it gets.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { performance } from "node:perf_hooks";
import path from "node:path";

const [modules, folder, model, threads] = process.argv.slice(2);
const ort = createRequire(path.resolve(modules, "x"))("onnxruntime-node");
const floats = (name) => {
  const bytes = readFileSync(path.join(folder, name));
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
};
const session = await ort.InferenceSession.create(path.join(folder, model), {
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
});
const feeds = { counts: new ort.Tensor("float32", floats("counts.f32"), [16, 2, 128, 128]) };
const expected = floats("scores.f32");
for (let i = 0; i < 3; i++) {
  const { scores } = await session.run(feeds);
  if (scores.data.some((v, k) => v !== expected[k])) {
    console.error(`peers: ONNX Runtime has the scores ${scores.data}`);
    process.exit(1);
  }
}
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const start = performance.now();
  await session.run(feeds);
  console.log(performance.now() - start);
}
