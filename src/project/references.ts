import type { Problem } from '#kernel/error.ts'
import { showPath, type Path } from './path.ts'
import { graphProblems } from './graph-problems.ts'
import { pipelineProblems } from './pipeline-problems.ts'
import type { GateSpec, Metric, ProjectFile } from './project-file.ts'
import { declared, type Report } from './report.ts'
import { serviceProblems } from './service-problems.ts'
import { subPipelineProblems } from './sub-pipelines.ts'

/** What is wrong between the sections of a file whose every field is right by itself. */
export function referenceProblems(file: ProjectFile): Problem[] {
  const problems: Problem[] = []
  const report: Report = (path, value, allowed) => void problems.push({ field: showPath(path), value, allowed })
  objectiveProblems(file, report)
  featureProblems(file, report)
  for (const [name, pipeline] of Object.entries(file.pipelines)) pipelineProblems({ file, name, pipeline, report })
  subPipelineProblems(file, report)
  modelProblems(file, report)
  graphProblems(file, report)
  notificationProblems(file, report)
  return problems
}

const metricsOf: Readonly<Record<ProjectFile['objective']['task'], readonly Metric[]>> = {
  binary_classification: ['brier', 'log_loss', 'auc', 'accuracy', 'f1'],
  regression: ['mae', 'rmse'],
}

function objectiveProblems({ objective, sources }: ProjectFile, report: Report): void {
  fittingMetric(objective.task, objective.metric, ['objective', 'metric'], report)
  for (const [index, { source }] of objective.dataRequirements.entries()) {
    if (source !== undefined) declared(sources, source, ['objective', 'dataRequirements', index, 'source'], report)
  }
}

function fittingMetric(task: keyof typeof metricsOf, metric: Metric, path: Path, report: Report): void {
  if (!metricsOf[task].includes(metric)) report(path, metric, `a metric of ${task}: ${metricsOf[task].join(', ')}`)
}

function gateProblems(task: keyof typeof metricsOf, gate: GateSpec, path: Path, report: Report): void {
  fittingMetric(task, gate.metric, [...path, 'metric'], report)
  for (const metric of Object.keys(gate.metrics ?? {}))
    fittingMetric(task, metric as Metric, [...path, 'metrics', metric], report)
  for (const [index, { measure }] of (gate.fairness ?? []).entries()) {
    if (task !== 'binary_classification')
      report([...path, 'fairness', index, 'measure'], measure, 'nothing: fairness is measured of binary classification')
  }
}

function notificationProblems({ notifications, models }: ProjectFile, report: Report): void {
  for (const [index, { to, models: of = [] }] of (notifications?.rules ?? []).entries()) {
    const path = ['notifications', 'rules', index]
    for (const [at, channel] of to.entries()) declared(notifications!.channels, channel, [...path, 'to', at], report)
    for (const [at, model] of of.entries()) declared(models, model, [...path, 'models', at], report)
  }
}

function featureProblems(file: ProjectFile, report: Report): void {
  const { features, entities, sources, labels } = file
  for (const [name, view] of Object.entries(features)) {
    declared(entities, view.entity, ['features', name, 'entity'], report)
    declared(sources, view.source, ['features', name, 'source'], report)
  }
  for (const [name, label] of Object.entries(labels))
    declared(sources, label.source, ['labels', name, 'source'], report)
  serviceProblems(file, report)
}

function modelProblems(
  { objective, models, pipelines, services, labels, deployments, monitors }: ProjectFile,
  report: Report,
): void {
  for (const [name, model] of Object.entries(models)) {
    declared(pipelines, model.pipeline, ['models', name, 'pipeline'], report)
    declared(services, model.service, ['models', name, 'service'], report)
    declared(labels, model.label, ['models', name, 'label'], report)
    gateProblems(objective.task, model.gate, ['models', name, 'gate'], report)
  }
  for (const [name, deployment] of Object.entries(deployments))
    declared(models, deployment.model, ['deployments', name, 'model'], report)
  const seen = new Set<string>()
  for (const [name, { deployment }] of Object.entries(monitors)) {
    declared(deployments, deployment, ['monitors', name, 'deployment'], report)
    if (seen.has(deployment))
      report(['monitors', name, 'deployment'], deployment, 'a deployment that no other monitor names')
    seen.add(deployment)
  }
}
