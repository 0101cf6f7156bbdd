/** Keeps the answers for the last `max` keys that were asked for. For what never changes once it exists; a failure is not kept. */
export function remember<Value>(max: number, load: (key: string) => Promise<Value>): (key: string) => Promise<Value> {
  const known = new Map<string, Promise<Value>>()
  return key => {
    const value = known.get(key) ?? load(key)
    known.delete(key)
    known.set(key, value)
    if (known.size > max) known.delete(known.keys().next().value!)
    value.catch(() => known.get(key) === value && known.delete(key))
    return value
  }
}
