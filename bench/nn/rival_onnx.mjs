// One round of ONNX Runtime, one thread: CPU time of a run an image.
//
// usage: node rival_onnx.mjs FOLDER_WITH_NODE_MODULES MODEL.onnx descriptor|ssd|yunet BATCH
//   prints: ENGINE <tab> milliseconds an image; for BATCH "outputs" it writes what bench_nn writes, as float32
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { photo, timeRuns, writeOutputs } from './timing.mjs'

const [folder, file, network, batch] = process.argv.slice(2)
const require = createRequire(join(resolve(folder), 'package.json'))
const ort = require('onnxruntime-node')
const { version } = require('onnxruntime-node/package.json')
const mean = [122.782, 117.001, 104.298]
const { side, normal } = {
  descriptor: { side: 150, normal: (rgb, c) => (rgb[c] - mean[c]) / 255 },
  ssd: { side: 512, normal: (rgb, c) => rgb[c] / 127.5 - 1 },
  yunet: { side: 640, normal: (rgb, c) => rgb[2 - c] },
}[network]

/** The photo `count` times, as NCHW. */
function images(count) {
  const bytes = photo(side)
  const plane = side * side
  const values = new Float32Array(count * 3 * plane)
  for (let i = 0; i < values.length; i++) {
    const pixel = (i % plane) * 3
    values[i] = normal(bytes.subarray(pixel, pixel + 3), Math.floor(i / plane) % 3)
  }
  return new ort.Tensor('float32', values, [count, 3, side, side])
}

/** Of SSD's predictors (boxes and classes of six layers, NCHW, three classes a box): the first class's scores. */
function firstClass(tensors) {
  return tensors.filter((_, i) => i % 2).flatMap(({ data, dims: [, channels, height, width] }) =>
    Array.from({ length: height * width * (channels / 3) }, (_, i) => {
      const anchors = channels / 3
      const [cell, anchor] = [Math.floor(i / anchors), i % anchors]
      return 1 / (1 + Math.exp(-data[(anchor * 3 + 1) * height * width + cell]))
    }),
  )
}

const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1, executionProviders: ['cpu'] })
const input = images(batch === 'outputs' ? 1 : +batch)
const run = () => session.run({ [session.inputNames[0]]: input })
if (batch === 'outputs') {
  const made = await run()
  const order = network === 'yunet' ? [8, 16, 32].flatMap((s) => ['cls', 'obj', 'bbox', 'kps'].map((kind) => `${kind}_${s}`)) : session.outputNames
  const tensors = order.map((name) => made[name])
  writeOutputs(network === 'ssd' ? firstClass(tensors) : tensors.flatMap(({ data }) => Array.from(data)))
} else {
  const ms = await timeRuns(run)
  console.log(`ONNX Runtime ${version}\t${(ms / batch).toFixed(4)}`)
}
