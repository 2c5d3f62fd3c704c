// Choosing results: how many are chosen, all on the page or none of them, and x for the one that j and k are at.
const boxes = () => [...document.querySelectorAll('.results .pick')]
const elsewhere = () => [...document.querySelectorAll('[data-selection] input[type=hidden][name=d]')]

function show() {
  const told = document.querySelector('[data-chosen]')
  if (!told) return
  const here = boxes().filter(box => box.checked).length
  const text = `${here + elsewhere().length} chosen`
  if (told.textContent !== text) told.textContent = text
  told.classList.remove('error')
  const all = document.querySelector('[data-choose=all]')
  all.checked = here > 0 && here === boxes().length
  all.indeterminate = here > 0 && !all.checked
}

// What is chosen does not narrow the search: the change goes no further.
document.addEventListener('change', event => {
  if (!event.target.matches('.pick, [data-choose]')) return
  event.stopPropagation()
  if (event.target.matches('[data-choose=all]')) boxes().forEach(box => { box.checked = event.target.checked })
  show()
}, true)

document.addEventListener('click', event => {
  if (event.target.closest('[data-choose=none]')) {
    boxes().forEach(box => { box.checked = false })
    elsewhere().forEach(input => input.remove())
    show()
  }
  const page = event.target.closest('.pager a')
  if (!page || !document.querySelector('[data-selection]')) return
  const to = new URL(page.href)
  to.searchParams.delete('d')
  for (const input of [...elsewhere(), ...boxes().filter(box => box.checked)]) to.searchParams.append('d', input.value)
  page.href = to.href
})

document.addEventListener('submit', event => {
  if (event.target.id !== 'bulk' || boxes().some(box => box.checked) || elsewhere().length) return
  event.preventDefault()
  const told = document.querySelector('[data-chosen]')
  told.textContent = 'Nothing is chosen: tick the boxes of some results first.'
  told.classList.add('error')
})

document.addEventListener('keydown', event => {
  if (event.key !== 'x' || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input:not(.pick), textarea, select') || document.querySelector('dialog[open]')) return
  const item = event.target.closest('.results > li') ?? document.querySelector('.results > li[data-on]')
  const box = item?.querySelector('.pick')
  if (!box) return
  box.checked = !box.checked
  show()
  event.preventDefault()
})

document.addEventListener('htmx:after:swap', show)
show()
