export { pairedDifference } from './bootstrap.ts'
export type { BootstrapOptions } from './bootstrap.ts'
export { chiSquareQuantile, chiSquareSurvival } from './chi-square.ts'
export {
  accuracy,
  brierScore,
  expectedCalibrationError,
  f1,
  logLoss,
  precision,
  recall,
  rocAuc,
  spiegelhalterZ,
} from './classification.ts'
export { adjustForCovariates } from './covariates.ts'
export { hellingerDistance, jensenShannonDistance, totalVariation, wasserstein1 } from './distance.ts'
export { confusionByGroup, fairnessDifference, fairnessMeasures, type FairnessMeasure } from './fairness.ts'
export { signTest } from './sign-test.ts'
export { binCount, binLabels, categoryBinning, countBins, quantileBinning } from './histogram.ts'
export type { Binning } from './histogram.ts'
export { differenceBounds, meanBounds } from './confidence-sequence.ts'
export type { Bounded, Sample } from './confidence-sequence.ts'
export { isotonicApply, isotonicFit } from './isotonic.ts'
export type { IsotonicFit } from './isotonic.ts'
export { mean, quantile, standardDeviation, variance } from './moments.ts'
export { benjaminiHochberg } from './multiple-testing.ts'
export { normalCdf, normalQuantile } from './normal.ts'
export { psi, psiNoiseFloor } from './psi.ts'
export type { PsiNoise } from './psi.ts'
export { seededRandom } from './random.ts'
export { bias, meanAbsoluteError, r2, rootMeanSquaredError } from './regression.ts'
export { calibratedThreshold, leaveOneOutScores } from './self-calibration.ts'
export { sobol, sobolDimensions } from './sobol.ts'
export { guardStart, guardStep } from './sprt.ts'
export type { BadEvent, GuardOptions, GuardState } from './sprt.ts'
export { chiSquareHomogeneity, ksTwoSample, twoProportion } from './two-sample.ts'
export type { TwoProportions } from './two-sample.ts'
export { symmetricEigen } from './symmetric-eigen.ts'
export { truncatedNormals } from './truncated-normal.ts'
export { marginalVariances, regressionTree } from './regression-tree.ts'
