// Theme and rail change on the spot: the focus stays where it is, and so does what was typed.
let plain = false // the portal did not answer: let the browser send the form

function apply(values) {
  const root = document.documentElement
  for (const name of ['theme', 'nav']) {
    if (!values.has(name)) continue
    if (values.get(name)) root.dataset[name] = values.get(name)
    else delete root.dataset[name]
  }
  for (const b of document.querySelectorAll('#me [name=theme]')) b.setAttribute('aria-pressed', String(b.value === (root.dataset.theme ?? '')))
  const size = document.querySelector('.rail-size')
  if (size) {
    size.value = root.dataset.nav === 'icons' ? '' : 'icons'
    size.title = size.querySelector('span').textContent = root.dataset.nav === 'icons' ? 'Expand' : 'Collapse'
  }
}

document.addEventListener('submit', async event => {
  const { target: form, submitter } = event
  if (plain || (submitter?.getAttribute('formaction') ?? form.getAttribute('action')) !== '/preferences') return
  event.preventDefault()
  const values = new URLSearchParams(new FormData(form, submitter))
  try {
    const answer = await fetch('/preferences', { method: 'POST', headers: { 'HX-Request': 'true' }, body: values })
    if (!answer.ok) throw new Error(answer.statusText)
    apply(values)
    document.getElementById('palette')?.close()
  } catch {
    plain = true
    form.requestSubmit(submitter)
  }
})
