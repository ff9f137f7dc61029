// Writes the networks of the face-api pack as ONNX files, so that ONNX Runtime can run them: the same graph and weights,
// affine layers and batch normalisation folded as liken folds them; input float32 NCHW, already normalised.
//
// usage: node onnx.mjs FOLDER_OF_PACKS descriptor|ssd TO.onnx
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [packs, network, to] = process.argv.slice(2)

// ---- weights ----

function readWeights(name) {
  const manifest = JSON.parse(readFileSync(join(packs, 'faceapi', `${name}-weights_manifest.json`), 'utf8'))
  const bytes = readFileSync(join(packs, 'faceapi', `${name}.bin`))
  const tensors = new Map()
  let at = 0
  for (const { name: key, shape, quantization: q } of manifest.flatMap((group) => group.weights)) {
    const count = shape.reduce((a, b) => a * b, 1)
    const values = new Float32Array(count)
    for (let i = 0; i < count; i++) values[i] = q ? bytes[at + i] * q.scale + q.min : bytes.readFloatLE(at + 4 * i)
    at += q ? count : 4 * count
    tensors.set(key, { shape, values })
  }
  return tensors
}

// ---- protocol buffers ----

function varint(value) {
  const out = []
  for (let v = BigInt.asUintN(64, BigInt(value)); ; v >>= 7n) {
    if (v < 128n) return Buffer.from([...out, Number(v)])
    out.push(Number(v & 127n) | 128)
  }
}

const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)])
function message(field, ...parts) {
  const body = Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p) : p)))
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body])
}

const nodes = []
const initializers = []
let names = 0

function raw(typed) {
  return Buffer.from(typed.buffer, typed.byteOffset, typed.byteLength)
}

function constant(shape, typed) {
  const name = `c${names++}`
  const type = typed instanceof Float32Array ? 1 : 7
  initializers.push(message(5, ...shape.map((d) => number(1, d)), number(2, type), message(8, name), message(9, raw(typed))))
  return name
}

function node(type, inputs, attributes = {}) {
  const out = `t${names++}`
  const attribute = ([name, value]) =>
    Array.isArray(value)
      ? message(5, message(1, name), ...value.map((v) => number(8, v)), number(20, 7))
      : message(5, message(1, name), number(3, value), number(20, 2))
  nodes.push(
    message(1, ...inputs.map((i) => message(1, i)), message(2, out), message(4, type), ...Object.entries(attributes).map(attribute)),
  )
  return out
}

function save(input, outputs) {
  const shape = message(2, ...input.map((d) => message(1, d === 'N' ? message(2, 'N') : number(1, d))))
  const type = (body) => message(2, message(1, number(1, 1), body))
  const graph = message(
    7,
    ...nodes,
    message(2, network),
    ...initializers,
    message(11, message(1, 'x'), type(shape)),
    ...outputs.map((name) => message(12, message(1, name), message(2, message(1, number(1, 1))))),
  )
  writeFileSync(to, Buffer.concat([number(1, 7), graph, message(8, message(1, ''), number(2, 13))]))
}

// ---- layers ----

/** [h][w][in][out] times scale[out] to [out][in][h][w]; depthwise: [h][w][c][1] to [c][1][h][w]. */
function turn({ shape: [h, w, a, b], values }, scale) {
  const out = new Float32Array(values.length)
  const depthwise = b === 1 && scale !== undefined && scale.length === a
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++)
      for (let i = 0; i < a; i++)
        for (let o = 0; o < b; o++) {
          const value = values[((y * w + x) * a + i) * b + o]
          const to = depthwise ? (i * h + y) * w + x : ((o * a + i) * h + y) * w + x
          out[to] = value * (scale ? scale[depthwise ? i : o] : 1)
        }
  return { shape: depthwise ? [a, 1, h, w] : [b, a, h, w], values: out }
}

function convolution(x, kernel, bias, stride, pads, group = 1) {
  const weights = constant(kernel.shape, kernel.values)
  return node('Conv', [x, weights, constant([bias.length], bias)], {
    kernel_shape: kernel.shape.slice(2), strides: [stride, stride], pads, group,
  })
}

function descriptor(w) {
  const conv = (x, name, stride, pad) => {
    const get = (key) => w.get(`${name}/${key}`)
    const scale = get('scale/weights').values
    const bias = get('conv/bias').values.map((b, i) => b * scale[i] + get('scale/biases').values[i])
    return convolution(x, turn(get('conv/filters'), scale), bias, stride, [pad, pad, pad, pad])
  }
  const relu = (x) => node('Relu', [x])
  const residual = (x, name) => relu(node('Add', [conv(relu(conv(x, `${name}/conv1`, 1, 1)), `${name}/conv2`, 1, 1), x]))
  const pad = (x, pads) => (pads.some((p) => p) ? node('Pad', [x, constant([8], BigInt64Array.from(pads.map(BigInt)))]) : x)
  const down = (x, name, missing, short) => {
    const made = conv(relu(conv(x, `${name}/conv1`, 2, 0)), `${name}/conv2`, 1, 1)
    const pooled = node('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] })
    return relu(node('Add', [pad(pooled, [0, 0, 0, 0, 0, missing, 0, 0]), pad(made, [0, 0, 0, 0, 0, 0, short, short])]))
  }
  let x = relu(conv('x', 'conv32_down', 2, 0))
  x = node('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2] })
  for (const i of [1, 2, 3]) x = residual(x, `conv32_${i}`)
  x = down(x, 'conv64_down', 32, 0)
  for (const i of [1, 2, 3]) x = residual(x, `conv64_${i}`)
  x = down(x, 'conv128_down', 64, 0)
  for (const i of [1, 2]) x = residual(x, `conv128_${i}`)
  x = down(x, 'conv256_down', 128, 1)
  for (const i of [1, 2]) x = residual(x, `conv256_${i}`)
  x = down(x, 'conv256_down_out', 0, 1)
  x = node('Flatten', [node('GlobalAveragePool', [x])])
  save(['N', 3, 150, 150], [node('MatMul', [x, constant([256, 128], w.get('fc').values)])])
}

function ssd(w) {
  const limits = [constant([], Float32Array.of(0)), constant([], Float32Array.of(6))]
  const clip = (x) => node('Clip', [x, ...limits])
  const ends = (stride, size) => (size === 1 ? [0, 0, 0, 0] : stride === 2 ? [0, 0, 1, 1] : [1, 1, 1, 1])
  const conv = (x, name, stride) => {
    const kernel = w.get(`${name}/weights`)
    return clip(convolution(x, turn(kernel), w.get(`${name}/convolution_bn_offset`).values, stride, ends(stride, kernel.shape[0])))
  }
  const depthwise = (x, i, stride) => {
    const get = (key) => w.get(`MobilenetV1/Conv2d_${i}_depthwise/${key}`)
    const bn = (key) => get(`BatchNorm/${key}`).values
    const scale = bn('gamma').map((g, c) => g / Math.sqrt(bn('moving_variance')[c] + 0.0010000000474974513))
    const bias = bn('beta').map((b, c) => b - bn('moving_mean')[c] * scale[c])
    return clip(convolution(x, turn(get('depthwise_weights'), scale), bias, stride, ends(stride, 3), scale.length))
  }
  let x = conv('x', 'MobilenetV1/Conv2d_0_pointwise', 2)
  const seen = []
  for (let i = 1; i <= 13; i++) {
    x = conv(depthwise(x, i, [2, 4, 6, 12].includes(i) ? 2 : 1), `MobilenetV1/Conv2d_${i}_pointwise`, 1)
    if (i === 11 || i === 13) seen.push(x)
  }
  for (let i = 0; i < 8; i++) {
    x = conv(x, `Prediction/Conv2d_${i}_pointwise`, (i % 2) + 1)
    if (i % 2) seen.push(x)
  }
  const outputs = seen.flatMap((t, i) =>
    ['BoxEncodingPredictor', 'ClassPredictor'].map((kind) => {
      const name = `Prediction/BoxPredictor_${i}/${kind}`
      return convolution(t, turn(w.get(`${name}/weights`)), w.get(`${name}/biases`).values, 1, [0, 0, 0, 0])
    }),
  )
  save(['N', 3, 512, 512], outputs)
}

if (network === 'descriptor') descriptor(readWeights('face_recognition_model'))
else ssd(readWeights('ssd_mobilenetv1_model'))
