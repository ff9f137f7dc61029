// One round of ONNX Runtime, one thread: CPU time of a run an image.
//
// usage: node rival_onnx.mjs FOLDER_WITH_NODE_MODULES MODEL.onnx SIDE BATCH     prints: ENGINE <tab> milliseconds an image
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { timeRuns } from './timing.mjs'

const [folder, file, side, batch] = process.argv.slice(2)
const require = createRequire(join(resolve(folder), 'package.json'))
const ort = require('onnxruntime-node')
const { version } = require('onnxruntime-node/package.json')
const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1, executionProviders: ['cpu'] })
const shape = [+batch, 3, +side, +side]
const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 37) % 256) / 255 - 0.4)
const input = new ort.Tensor('float32', values, shape)
const ms = await timeRuns(() => session.run({ [session.inputNames[0]]: input }))
console.log(`ONNX Runtime ${version}\t${(ms / batch).toFixed(4)}`)
