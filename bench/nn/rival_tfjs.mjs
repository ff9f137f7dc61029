// One round of the face-api package on tensorflow.js-wasm, one thread: CPU time of a forward pass an image.
//
// usage: node rival_tfjs.mjs FOLDER_WITH_NODE_MODULES PACKS descriptor|ssd BATCH
//   prints: ENGINE <tab> milliseconds an image; for BATCH "outputs" it writes what bench_nn writes, as float32
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { photo, timeRuns, writeOutputs } from './timing.mjs'

const [folder, packs, network, batch] = process.argv.slice(2)
const require = createRequire(join(resolve(folder), 'package.json'))
const faceapi = require('@vladmandic/face-api/dist/face-api.node-wasm.js')
const wasm = require('@tensorflow/tfjs-backend-wasm')
const { tf } = faceapi
wasm.setWasmPaths(join(resolve(folder), 'node_modules/@tensorflow/tfjs-backend-wasm/dist/'))
wasm.setThreadsCount(1)
await tf.setBackend('wasm')
await tf.ready()

const [net, name, side] = network === 'ssd'
  ? [new faceapi.SsdMobilenetv1(), 'ssd_mobilenetv1_model', 512]
  : [new faceapi.FaceRecognitionNet(), 'face_recognition_model', 150]
const manifest = JSON.parse(readFileSync(join(packs, 'faceapi', `${name}-weights_manifest.json`), 'utf8'))
const bytes = readFileSync(join(packs, 'faceapi', `${name}.bin`))
net.loadFromWeightMap(tf.io.decodeWeights(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), manifest[0].weights))
const photos = Array.from({ length: +batch || 1 }, () => tf.tensor4d(Int32Array.from(photo(side)), [1, side, side, 3], 'int32'))
const forward = () => net.forwardInput(new faceapi.NetInput(photos, true))
if (batch === 'outputs') {
  const out = forward()
  writeOutputs(await (network === 'ssd' ? out.scores[0] : out).data())
  process.exit()
}
const ms = await timeRuns(async () => {
  const out = forward()
  const tensors = network === 'ssd' ? [...out.boxes, ...out.scores] : [out]
  await Promise.all(tensors.map((t) => t.data()))
  tensors.forEach((t) => t.dispose())
})
console.log(`tensorflow.js-wasm ${tf.version_core}\t${(ms / batch).toFixed(4)}`)
