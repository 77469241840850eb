// The browsable page of the API: tries run with the reader's own session.
"use strict";

const place = document.getElementById("api");
const token = document.querySelector('meta[name="csrf-token"]').content;

SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    request.headers["X-CSRF-Token"] = token;
    return request;
  },
});
