// Forms that hold what somebody wrote: leaving them unsaved asks first, Ctrl-Enter sends them, and what is too long says so while
// it can still be shortened. A form that was sent back with errors holds unsaved words from the start.
const forms = [...document.querySelectorAll('form[data-keep]')]
let sent = false

const changed = el => {
  if (el.matches('[type=hidden], [type=submit], button')) return false
  if (el.matches('[type=checkbox], [type=radio]')) return el.checked !== el.defaultChecked
  if (el.matches('select')) return [...el.options].some(o => o.defaultSelected) ? [...el.options].some(o => o.selected !== o.defaultSelected) : el.selectedIndex > 0
  return 'defaultValue' in el && el.value !== el.defaultValue
}
const dirty = form => form.dataset.keep === 'unsaved' || [...form.elements].some(changed)

const length = new TextEncoder()
function count(el) {
  const bytes = length.encode(el.value.trim()).length
  const limit = Number(el.dataset.limit)
  let told = document.getElementById(`${el.id}-n`)
  if (bytes < limit * 0.8) { told?.remove(); el.setCustomValidity(''); return }
  if (!told) {
    told = Object.assign(document.createElement('p'), { id: `${el.id}-n`, className: 'hint' })
    told.setAttribute('role', 'status')
    el.after(told)
  }
  const over = bytes > limit
  told.textContent = `${bytes.toLocaleString('en')} of at most ${limit.toLocaleString('en')} bytes`
  told.classList.toggle('error', over)
  el.setCustomValidity(over ? `This is ${(bytes - limit).toLocaleString('en')} bytes too long.` : '')
}

for (const form of forms) {
  form.addEventListener('submit', () => { sent = true })
  form.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    form.requestSubmit()
  })
  for (const el of form.querySelectorAll('[data-limit]')) {
    el.addEventListener('input', () => count(el))
    count(el)
  }
}

// Forms that Ctrl-Enter sends though nothing of them is to be kept.
for (const form of document.querySelectorAll('form[data-send]')) {
  form.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    form.requestSubmit()
  })
}

addEventListener('beforeunload', event => {
  if (!sent && forms.some(dirty)) event.preventDefault()
})
addEventListener('pageshow', () => { sent = false }) // one came back

// A list with commas between is completed item by item.
for (const el of document.querySelectorAll('input[list][data-many]')) {
  const list = document.getElementById(el.getAttribute('list'))
  if (!list) continue
  const own = list.cloneNode(true)
  own.id = `${el.id}-list`
  el.after(own)
  el.setAttribute('list', own.id)
  const all = [...own.options].map(o => o.getAttribute('value'))
  el.addEventListener('input', () => {
    const before = el.value.slice(0, el.value.lastIndexOf(',') + 1)
    all.forEach((value, i) => own.options[i].setAttribute('value', before ? `${before} ${value}` : value))
  })
}
