// The search form: addresses without empty fields, and j, k, Enter on its results.

document.addEventListener('htmx:config:request', event => {
  const { request } = event.detail.ctx
  if (request.method !== 'GET' || !request.body) return
  for (const [name, value] of [...request.body.entries()]) if (value === '') request.body.delete(name)
})

// items are the rows that j and k go through: results, or where there are none the rows of tables that lead somewhere.
const results = () => [...document.querySelectorAll('[data-results] > li')]
const rows = () => [...document.querySelectorAll('main .table tbody tr')].filter(row => row.querySelector('th a'))
const items = () => { const all = results(); return all.length ? all : rows() }
const lead = item => item.querySelector('h2 a, th a')

// move chooses the result that lies step further, and gives its link the focus: that is what Enter opens.
export function move(step) {
  const all = items()
  if (all.length === 0) return false
  const at = all.findIndex(li => li.hasAttribute('data-on') || li.contains(document.activeElement))
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)]
  results().forEach(li => li.toggleAttribute('data-on', li === next))
  lead(next)?.focus({ preventScroll: true })
  next.scrollIntoView({ block: 'nearest' })
  return true
}

document.addEventListener('focusin', event => {
  const li = event.target.closest?.('[data-results] > li')
  results().forEach(item => item.toggleAttribute('data-on', item === li))
})

// From the search box, the arrow leads into the results.
document.addEventListener('keydown', event => {
  if (event.target.id === 'q' && event.key === 'ArrowDown' && move(1)) event.preventDefault()
})
