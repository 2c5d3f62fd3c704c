// The focus after a page was replaced: where one was, or in the box that one came to type into.
const kept = 'refocus'

const later = selectors => sessionStorage.setItem(kept, JSON.stringify({ at: Date.now(), selectors }))

document.addEventListener('click', event => {
  if (event.target.closest('.chip a') && !event.ctrlKey && !event.metaKey && !event.shiftKey) later(['.chip a', '#q'])
})

document.addEventListener('submit', event => {
  if (event.defaultPrevented || event.target.method !== 'post') return
  later([`form[action=${JSON.stringify(event.target.getAttribute('action'))}] button`])
})

function restore() {
  const text = sessionStorage.getItem(kept)
  sessionStorage.removeItem(kept)
  const { at, selectors } = JSON.parse(text ?? '{"at":0,"selectors":[]}')
  if (Date.now() - at > 15_000) return null
  return selectors.map(s => document.querySelector(s)).find(Boolean)
}

// byKeys is called before a key leads to another page: there the focus goes to the page and not into a box, so that the next
// key is a key again.
export const byKeys = () => later(['main'])

const arrived = performance.getEntriesByType('navigation')[0]?.type === 'navigate' // not back, nor again
const at = restore() ?? (arrived ? document.querySelector('[data-focus]') : null)
if (at && document.activeElement === document.body) {
  at.focus({ preventScroll: true })
  if (at.type === 'search') at.setSelectionRange(at.value.length, at.value.length)
}
