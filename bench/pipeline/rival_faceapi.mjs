// face-api.js on tensorflow.js-wasm, one thread: SSD MobileNet, 68 points, descriptor; CPU time a photo from decoded
// pixels on. The first photo is run once before, to warm up.
//
// usage: node rival_faceapi.mjs FOLDER_WITH_NODE_MODULES PACKS PHOTO.ppm...   prints: ENGINE, then: milliseconds <tab> faces
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

const [folder, packs, ...photos] = process.argv.slice(2)
const require = createRequire(join(resolve(folder), 'package.json'))
const faceapi = require('@vladmandic/face-api/dist/face-api.node-wasm.js')
const wasm = require('@tensorflow/tfjs-backend-wasm')
const { tf } = faceapi
wasm.setWasmPaths(join(resolve(folder), 'node_modules/@tensorflow/tfjs-backend-wasm/dist/'))
wasm.setThreadsCount(1)
await tf.setBackend('wasm')
await tf.ready()
await faceapi.nets.ssdMobilenetv1.loadFromDisk(join(packs, 'faceapi'))
await faceapi.nets.faceLandmark68Net.loadFromDisk(join(packs, 'faceapi'))
await faceapi.nets.faceRecognitionNet.loadFromDisk(join(packs, 'faceapi'))

function readPhoto(path) {
  const bytes = readFileSync(path)
  const [, width, height] = bytes.subarray(0, 40).toString('latin1').match(/^P6\n(\d+) (\d+)\n255\n/)
  return { values: bytes.subarray(bytes.length - width * height * 3), shape: [+height, +width, 3] }
}

async function run({ values, shape }) {
  const photo = tf.tensor3d(values, shape, 'int32')
  const options = new faceapi.SsdMobilenetv1Options({ minConfidence: 0.5 })
  const faces = await faceapi.detectAllFaces(photo, options).withFaceLandmarks().withFaceDescriptors()
  photo.dispose()
  return faces.length
}

const cpu = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
console.log(`face-api.js ${faceapi.version.faceapi ?? faceapi.version} on tensorflow.js-wasm ${tf.version_core}`)
await run(readPhoto(photos[0]))
for (const path of photos) {
  const photo = readPhoto(path)
  const start = cpu()
  const faces = await run(photo)
  console.log(`${(cpu() - start).toFixed(1)}\t${faces}`)
}
