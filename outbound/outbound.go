// Package outbound is the one way by which the portal opens connections to addresses that people or foreign systems name:
// webhooks, providers, registries. It decides by the address that a name resolves to, at the moment of connecting.
package outbound
