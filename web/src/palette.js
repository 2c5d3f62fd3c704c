// Boxes that list datasets, pages and actions while one types: the palette, and the box of the home page.

// combobox makes the box of a form choose from its list. The palette always has a choice, so that Enter opens it; on the
// home page Enter searches until one was chosen.
function combobox(form) {
  const input = form.querySelector('[role=combobox]')
  const list = document.getElementById(input.getAttribute('aria-controls'))
  const said = form.querySelector('[data-said]')
  const root = form.closest('dialog') ?? form
  const always = form.dataset.combobox === 'always'
  let stale = false // the list belongs to what was typed before
  let entered = false // Enter came before the list did

  const options = () => [...list.querySelectorAll('[role=option]')]
  const chosen = () => options().findIndex(o => o.getAttribute('aria-selected') === 'true')

  function choose(option) {
    for (const o of options()) o.setAttribute('aria-selected', String(o === option))
    if (option) {
      input.setAttribute('aria-activedescendant', option.id)
      option.scrollIntoView({ block: 'nearest' })
    } else {
      input.removeAttribute('aria-activedescendant')
    }
  }

  function listed() {
    stale = false
    const all = options()
    choose(always ? all[0] : null)
    input.setAttribute('aria-expanded', String(always || all.length > 0))
    said.textContent = all.length > 0 ? `${all.length} choices` : ''
    if (entered) all[0]?.click()
  }

  root.addEventListener('htmx:after:swap', listed)
  root.addEventListener('htmx:error', () => { stale = false }) // then Enter sends the form to the search
  input.addEventListener('input', () => {
    stale = true
    entered = false
    choose(null)
  })
  input.addEventListener('keydown', event => {
    const all = options()
    if (all.length === 0) return
    if (event.key === 'ArrowDown') choose(all[(chosen() + 1) % all.length])
    else if (event.key === 'ArrowUp') choose(all[(Math.max(chosen(), 0) - 1 + all.length) % all.length])
    else if (event.key === 'Escape' && !always) { list.replaceChildren(); listed() }
    else return
    event.preventDefault()
  })
  list.addEventListener('mousedown', event => event.preventDefault()) // the box keeps the focus, and with it the list
  form.addEventListener('submit', event => {
    const option = options()[chosen()]
    if (!option && !(stale && always)) return
    event.preventDefault()
    if (stale && always) entered = true
    else option.click()
  })
  form.closest('dialog')?.addEventListener('close', () => { entered = false })
}

document.querySelectorAll('[data-combobox]').forEach(combobox)

const dialog = document.getElementById('palette')
const box = document.getElementById('palette-q')

// open shows the palette with what has been typed elsewhere, if anything.
export function open(text = '') {
  if (!dialog || dialog.open) return
  dialog.showModal()
  box.value = text
  box.setSelectionRange(text.length, text.length)
  box.dispatchEvent(new CustomEvent('palette', { bubbles: true }))
}

dialog?.addEventListener('click', event => { if (event.target === dialog) dialog.close() })

// The box in the top bar is the way in for those without a keyboard. The focus alone opens nothing: one may be passing by.
const bar = document.querySelector('[data-palette]')
if (dialog && bar) {
  bar.form.addEventListener('click', () => open(bar.value))
  bar.addEventListener('input', () => {
    open(bar.value)
    bar.value = ''
  })
}
