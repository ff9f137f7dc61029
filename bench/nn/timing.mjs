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
