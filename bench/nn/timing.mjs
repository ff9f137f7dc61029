import { writeSync } from 'node:fs'

/** The photo that every engine sees: rows of RGB bytes. */
export function photo(side) {
  const row = side * 3
  return Uint8Array.from({ length: row * side }, (_, i) => Math.floor((i * i) / 97) + Math.floor(i / row))
}

/** Writes numbers as float32, for the comparison of outputs. */
export function writeOutputs(values) {
  const floats = Float32Array.from(values)
  writeSync(1, Buffer.from(floats.buffer))
}

/** The median CPU milliseconds of `run`, called for about 0.7 s of CPU time after one call to warm up. */
export async function timeRuns(run) {
  const cpu = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  await run()
  const runs = []
  for (const end = cpu() + 700; runs.length < 3 || cpu() < end; ) {
    const start = cpu()
    await run()
    runs.push(cpu() - start)
  }
  return runs.sort((a, b) => a - b)[runs.length >> 1]
}
