// Moments in the reader's own time zone, and ages that grow while the page stands open.
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const dayOnly = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone

// age says the same as the server does (format.go), so that nothing jumps when this runs.
function age(seconds) {
  const minutes = seconds / 60, hours = minutes / 60, days = Math.floor(hours / 24)
  const many = (n, unit) => `${n} ${unit}${n === 1 ? '' : 's'} ago`
  if (minutes < 1) return 'just now'
  if (minutes < 90) return `${Math.floor(minutes)} min ago`
  if (hours < 36) return `${Math.round(hours)} h ago`
  if (days < 61) return many(days, 'day')
  if (days < 730) return many(Math.floor(days / 30), 'month')
  return many(Math.floor(days / 365), 'year')
}

function localise(root) {
  for (const el of root.querySelectorAll('time[data-as]')) {
    const at = new Date(el.dateTime)
    if (Number.isNaN(at.getTime())) continue
    el.title = exact.format(at)
    const text = el.dataset.as === 'ago' ? age((Date.now() - at) / 1000) : el.dataset.as === 'day' ? dayOnly.format(at) : exact.format(at)
    if (el.textContent !== text) el.textContent = text
  }
}

localise(document)
document.querySelector('[data-zone]')?.replaceChildren(`Times in ${zone.replaceAll('_', ' ')}`)
document.addEventListener('htmx:after:swap', () => localise(document))
setInterval(() => { if (!document.hidden) localise(document) }, 30_000)
