/** An umbrella is little trouble, so take it from even odds on. */
const threshold = 0.5

/** What the caller reads beside the model's own outputs: one advice for each row of the request. */
export function postprocess({ probability }: { readonly probability: readonly number[] }) {
  const advice: readonly string[] = probability.map(p => (p >= threshold ? 'take an umbrella' : 'leave the umbrella'))
  return { advice }
}
