// The search form: addresses without empty fields, and j, k, Enter on its results.

document.addEventListener('htmx:config:request', event => {
  const { request } = event.detail.ctx
  if (request.method !== 'GET' || !request.body) return
  for (const [name, value] of [...request.body.entries()]) if (value === '') request.body.delete(name)
})

const items = () => [...document.querySelectorAll('[data-results] > li')]

// move chooses the result that lies step further, and gives its link the focus: that is what Enter opens.
export function move(step) {
  const all = items()
  if (all.length === 0) return false
  const at = all.findIndex(li => li.hasAttribute('data-on'))
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)]
  all.forEach(li => li.toggleAttribute('data-on', li === next))
  next.querySelector('h2 a')?.focus({ preventScroll: true })
  next.scrollIntoView({ block: 'nearest' })
  return true
}

document.addEventListener('focusin', event => {
  const li = event.target.closest?.('[data-results] > li')
  items().forEach(item => item.toggleAttribute('data-on', item === li))
})

// From the search box, the arrow leads into the results.
document.addEventListener('keydown', event => {
  if (event.target.id === 'q' && event.key === 'ArrowDown' && move(1)) event.preventDefault()
})
