// The palette: a dialog that finds datasets and pages while one types.
const dialog = document.getElementById('palette')
const input = document.getElementById('palette-q')
const list = document.getElementById('palette-list')
const said = document.getElementById('palette-said')

let stale = false // the list belongs to what was typed before
let chosen = false // Enter came before the list did

const options = () => [...list.querySelectorAll('[role=option]')]

function choose(option) {
  for (const o of options()) o.setAttribute('aria-selected', String(o === option))
  if (option) {
    input.setAttribute('aria-activedescendant', option.id)
    option.scrollIntoView({ block: 'nearest' })
  } else {
    input.removeAttribute('aria-activedescendant')
  }
}

// open shows the palette with what has been typed elsewhere, if anything.
export function open(text = '') {
  if (!dialog || dialog.open) return
  dialog.showModal()
  input.value = text
  input.select()
  input.dispatchEvent(new CustomEvent('palette', { bubbles: true }))
}

if (dialog) {
  dialog.addEventListener('htmx:after:swap', () => {
    stale = false
    choose(options()[0])
    if (chosen) options()[0]?.click()
    said.textContent = `${options().length} choices`
  })
  input.addEventListener('keydown', event => {
    const all = options()
    const at = all.findIndex(o => o.getAttribute('aria-selected') === 'true')
    if (event.key === 'ArrowDown') choose(all[(at + 1) % all.length])
    else if (event.key === 'ArrowUp') choose(all[(at - 1 + all.length) % all.length])
    else return
    event.preventDefault()
  })
  dialog.addEventListener('click', event => { if (event.target === dialog) dialog.close() })
  // Enter opens what is chosen; only without a list does it go to the search.
  input.form.addEventListener('submit', event => {
    const option = options().find(o => o.getAttribute('aria-selected') === 'true')
    if (!stale && !option) return
    event.preventDefault()
    if (stale) chosen = true
    else option.click()
  })
  input.addEventListener('input', () => {
    stale = true
    chosen = false
    choose(null)
  })
  dialog.addEventListener('close', () => { chosen = false })
  dialog.addEventListener('htmx:error', () => { stale = false }) // then Enter sends the form to the search
}
