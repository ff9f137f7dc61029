// The synthetic photos of tests/unit/nn/models.h in JavaScript, and how tables of reference values are written.

const SAMPLES = 128 // values kept of a large output

/** Photo number n, height x width RGB bytes; the same as photo_value() in models.h. */
export function photo(n, height, width) {
  const rgb = new Uint8Array(height * width * 3)
  let i = 0
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) rgb[i++] = value(n, height, width, y, x, c)
    }
  }
  return rgb
}

function value(n, height, width, y, x, c) {
  const cy = Math.floor((y * 256) / height)
  const cx = Math.floor((x * 256) / width)
  const wave = (cx * (3 + (n % 5)) + cy * (2 + c) + 40 * n) & 255
  const fold = wave < 128 ? wave : 255 - wave
  const dy = cy - 128 - 9 * (n % 3)
  const dx = cx - 120 + 7 * c
  const disc = dy * dy + dx * dx < 6000 + 500 * (n % 4) ? 90 + 12 * c : 20
  const mixed = Math.imul(x, 73856093) ^ Math.imul(y, 19349663) ^ Math.imul(c, 83492791) ^ Math.imul(n, 40503)
  return Math.floor(fold / 2) + disc + (Math.imul(mixed, 2654435761) >>> 27)
}

/** SAMPLES values, evenly spread: number i is value i * floor(count / SAMPLES). */
export function sample(values) {
  const step = Math.max(1, Math.floor(values.length / SAMPLES))
  return Array.from({ length: SAMPLES }, (_, i) => values[i * step])
}

export function table(name, values) {
  const text = Array.from(values, (v) => {
    const digits = String(Math.fround(v).toPrecision(9))
    return (/[.e]/.test(digits) ? digits : digits + '.0') + 'f,'
  })
  console.log(`static const float ${name}[] = {`)
  for (let i = 0; i < text.length; i += 8) console.log('    ' + text.slice(i, i + 8).join(' '))
  console.log('};')
}
