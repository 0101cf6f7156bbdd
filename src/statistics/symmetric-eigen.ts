/**
 * Eigenvalues and orthonormal eigenvectors of a symmetric matrix by cyclic Jacobi rotations [Golub and Van Loan 2013,
 * 8.5], to about 1e-14 of the largest.
 *
 * @param matrix n rows of length n; only read.
 * @returns `vectors[i][k]` is component i of the k-th eigenvector, which belongs to `values[k]`; in no order.
 */
export function symmetricEigen(matrix: readonly Float64Array[]): { values: Float64Array; vectors: Float64Array[] } {
  const n = matrix.length
  const a = matrix.map(row => Float64Array.from(row))
  const vectors = a.map((_, i) => Float64Array.from({ length: n }, (_unused, k) => (i === k ? 1 : 0)))
  for (let sweep = 0; sweep < sweepsMax && !isDiagonal(a); sweep++)
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, vectors, p, q)
  return { values: Float64Array.from(a, (row, i) => row[i]!), vectors }
}

const sweepsMax = 50

function isDiagonal(a: readonly Float64Array[]): boolean {
  let off = 0
  let all = 0
  for (const [i, row] of a.entries())
    for (const [k, value] of row.entries()) {
      all += value * value
      if (i !== k) off += value * value
    }
  return off <= 1e-30 * all
}

/** Makes a[p][q] vanish. */
function rotate(a: readonly Float64Array[], vectors: readonly Float64Array[], p: number, q: number): void {
  const apq = a[p]![q]!
  if (apq === 0) return
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * apq)
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const c = 1 / Math.sqrt(t * t + 1)
  const s = t * c
  const turn = (row: Float64Array): void => {
    const [x, y] = [row[p]!, row[q]!]
    row[p] = c * x - s * y
    row[q] = s * x + c * y
  }
  for (const row of a) turn(row)
  const [rowP, rowQ] = [a[p]!, a[q]!]
  for (let k = 0; k < rowP.length; k++) {
    const [x, y] = [rowP[k]!, rowQ[k]!]
    rowP[k] = c * x - s * y
    rowQ[k] = s * x + c * y
  }
  for (const row of vectors) turn(row)
}
