// What is left: telling that a dataset was opened, copying names, showing what was waited for.
const opened = document.querySelector('[data-opened]')?.dataset.opened
if (opened) {
  const tell = () => fetch(opened, { method: 'POST', keepalive: true }).catch(() => {}) // a courtesy: the page does not depend on it
  document.prerendering ? document.addEventListener('prerenderingchange', tell, { once: true }) : tell()
}

const waiting = document.querySelector('[data-reload-on]')
waiting?.addEventListener(waiting.dataset.reloadOn, () => location.reload())

// Narrow, the tab that is open may lie beyond the edge.
const tab = document.querySelector('.tabs [aria-current]')
if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 16

// What scrolls sideways is a stop for the Tab key; what all fits is none.
const wraps = [...document.querySelectorAll('.tablewrap[tabindex], .diff[tabindex], .code[tabindex]')]
if (wraps.length) {
  const fits = el => el.scrollWidth <= el.clientWidth + 1 && el.scrollHeight <= el.clientHeight + 1
  const watch = new ResizeObserver(all => all.forEach(({ target: el }) => {
    if (el.matches(':focus') || !el.clientWidth) return
    fits(el) ? el.removeAttribute('tabindex') : el.setAttribute('tabindex', '0')
  }))
  wraps.forEach(el => watch.observe(el))
}

document.addEventListener('click', async event => {
  const button = event.target.closest('[data-copy], [data-copy-lines]')
  if (!button) return
  const label = button.querySelector('span') ?? button
  const before = label.textContent
  try {
    const lines = document.getElementById(button.dataset.copyLines ?? '')?.querySelectorAll('li')
    await navigator.clipboard.writeText(lines ? [...lines].map(li => li.textContent).join('\n') : button.dataset.copy)
    label.textContent = 'Copied'
  } catch {
    label.textContent = 'Not copied: the browser refused'
  }
  setTimeout(() => { label.textContent = before }, 2000)
})
