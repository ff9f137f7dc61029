// The face-api package on the synthetic photos of tests/unit/nn/models.h: prints a C table for the unit tests.
//
// usage: node faceapi.mjs FOLDER > tests/unit/nn/reference_faceapi.h
//
// FOLDER is where `npm install` was run on the package.json beside this file. The plain JavaScript backend of
// tensorflow.js is used: slow (a minute), and the same everywhere.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { photo, sample, table } from './photo.mjs'

const require = createRequire(join(resolve(process.argv[2]), 'package.json'))
const faceapi = require('@vladmandic/face-api/dist/face-api.node-wasm.js')
const folder = join(resolve(process.argv[2]), 'node_modules', '@vladmandic', 'face-api')
const { tf } = faceapi
await tf.setBackend('cpu')
await tf.ready()

function load(net, name) {
  const manifest = JSON.parse(readFileSync(join(folder, 'model', `${name}_model-weights_manifest.json`), 'utf8'))
  const bytes = readFileSync(join(folder, 'model', `${name}_model.bin`))
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
  net.loadFromWeightMap(tf.io.decodeWeights(buffer, manifest[0].weights))
  return net
}

function tensor(n, size) {
  return tf.tensor4d(photo(n, size, size), [1, size, size, 3], 'int32')
}

const version = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version
console.log(`/* Made by tests/reference/faceapi.mjs with @vladmandic/face-api ${version} on tensorflow.js ${tf.version_core}: do not edit. */`)

const recognition = load(new faceapi.FaceRecognitionNet(), 'face_recognition')
for (const n of [0, 1, 2]) {
  const input = new faceapi.NetInput([tensor(n, 150)])
  table(`faceapi_descriptor_${n}`, recognition.forwardInput(input).dataSync())
}
const landmarks = load(new faceapi.FaceLandmark68Net(), 'face_landmark_68')
for (const n of [0, 1, 2]) {
  const input = new faceapi.NetInput([tensor(n, 112)])
  table(`faceapi_points_${n}`, landmarks.forwardInput(input).dataSync())
}
const ssd = load(new faceapi.SsdMobilenetv1(), 'ssd_mobilenetv1')
const { boxes, scores } = ssd.forwardInput(new faceapi.NetInput([tensor(0, 512)]))
table('faceapi_boxes_0', sample(boxes[0].dataSync()))
table('faceapi_scores_0', sample(scores[0].dataSync()))
