/** Where things belong whose name says no project: what MLflow's clients make without knowing of projects. */
export const defaultProject = 'default'
