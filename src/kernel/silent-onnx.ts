/**
 * ONNX Runtime's library, since 1.30, tells its maker of the machine and of each session (`telemetry.cc`: OneCollector, with
 * an id that it keeps in the home folder), unless this is set before it is loaded. Nothing of ours tells anybody anything.
 */
export const silentOnnx = { ORT_DISABLE_TELEMETRY: '1' } as const
