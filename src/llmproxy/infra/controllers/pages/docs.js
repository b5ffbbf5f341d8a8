// Relative, so that the page also works under a path of a reverse proxy. validatorUrl: null keeps Swagger UI from asking
// another host to judge the document.
SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#api",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
});
