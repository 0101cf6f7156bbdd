/**
 * Frees the memory of bytes that nobody reads any more, without waiting for the collector, which lets tens of megabytes
 * of them lie while a large file passes. A part of a larger buffer stays what it is.
 */
export function giveBack(bytes: Uint8Array): void {
  if (bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0)
}
