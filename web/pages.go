package web

import (
	"net/http"

	"portreeve/access"
)

// pageRoutes returns the routes of the pages.
func (s *Server) pageRoutes() []route {
	view := needs(access.Viewer)
	routes := []route{
		{http.MethodGet, "/", view, s.getHome},
		{http.MethodGet, "/data", view, s.getData},
		{http.MethodGet, "/data.csv", view, s.getDataCSV},
		{http.MethodGet, "/d/:source", view, s.getSourceDatasets},
		{http.MethodGet, datasetRoute, view, s.getDataset},
		{http.MethodGet, datasetRoute + "/:part", view, s.getDatasetPart},
		{http.MethodGet, "/d/:source/:name/columns", view, s.getDatasetColumns},
		{http.MethodGet, "/d/:source/:name/history", view, s.getDatasetHistory},
		{http.MethodGet, "/d/:source/:name/definition", view, s.getDatasetDefinition},
		{http.MethodGet, "/d/:source/:name/partitions", view, s.getTopicPartitions},
		{http.MethodGet, "/d/:source/:name/consumers", view, s.getTopicConsumers},
		{http.MethodGet, "/d/:source/:name/schemas", view, s.getSchemas},
		{http.MethodGet, "/d/:source/:name/schemas/:file", view, s.getSchemaText},
		{http.MethodGet, "/d/:source/:name/dbt", view, s.getModel},
		{http.MethodGet, "/d/:source/:name/sample", view, s.getDatasetSample},
		{http.MethodGet, "/d/:source/:name/sample.csv", view, s.getDatasetSampleCSV},
		{http.MethodPost, "/d/:source/:name/opened", view.forReaders(), s.postDatasetOpened},
		{http.MethodGet, "/sources", view, s.getSources},
		{http.MethodGet, "/sources/:slug", view, s.getSource},
		{http.MethodGet, "/sources/:slug/events", view, s.getSourceEvents},
		{http.MethodGet, "/sources/:slug/crawls/:id", view, s.getSourceCrawl},
		{http.MethodPost, "/sources/:slug/crawl", needs(access.Owner), s.postSourceCrawl},
		{http.MethodGet, "/palette", view, s.getPalette},
	}
	if s.Demo {
		routes = append(routes, route{http.MethodGet, "/ui", view, s.getGallery})
	}
	return routes
}
