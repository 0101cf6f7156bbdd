import { test } from 'node:test'
import { leavesOf, treeOf, type Branch } from './experiment-tree.ts'

const tree = (...names: string[]): readonly Branch<{ name: string }>[] => treeOf(names.map(name => ({ name })))
const told = ({ title, experiment, branches }: Branch<{ name: string }>): unknown =>
  branches.length === 0 ? title : { [`${title}${experiment ? ' *' : ''}`]: branches.map(told) }

test('experiments lie in folders by the slashes in their names, in the order of names', t => {
  t.assert.deepEqual(tree('rain/training/train', 'Default', 'rain/seattle', 'rain/training/evaluate').map(told), [
    'Default',
    { rain: ['seattle', { training: ['evaluate', 'train'] }] },
  ])
})

test('an experiment may be a folder too', t => {
  t.assert.deepEqual(tree('vision', 'vision/resnet').map(told), [{ 'vision *': ['resnet'] }])
})

test('experiments of one name, in several projects, stand beside one another', t => {
  t.assert.deepEqual(tree('Default', 'a/b', 'Default', 'a/b', 'a/b/c').map(told), [
    { a: [{ 'b *': ['c'] }, 'b'] },
    'Default',
    'Default',
  ])
})

test('folders that hold one folder alone are written together', t => {
  t.assert.deepEqual(tree('a/b/c/one', 'a/b/c/two').map(told), [{ 'a/b/c': ['one', 'two'] }])
})

test('names with empty parts lose nothing', t => {
  const names = ['/', '//', '/Users/ada/first', 'rain/', 'rain//x', 'rain']
  t.assert.deepEqual(
    tree(...names)
      .flatMap(leavesOf)
      .map(({ name }) => name)
      .toSorted(),
    names.toSorted(),
  )
})
