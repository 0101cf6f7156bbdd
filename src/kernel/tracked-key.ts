/** What clients may name metrics, params and tags: also a path of files, and of folders on pages. */
export const keyCharactersMax = 250

export const keyPattern = /^(?!(?:.*\/)?\.{0,2}(?:\/|$))[\p{L}\p{N}_/. :-]+$/u

export const keyAllowed =
  `1 to ${keyCharactersMax} characters: letters, digits, underscores, dashes, periods, spaces, colons and slashes, ` +
  'without empty, . or .. segments between slashes'
