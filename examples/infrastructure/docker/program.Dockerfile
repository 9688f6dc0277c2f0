# One program of this module, chosen by PROGRAM. The build's context is the root of the repository.
FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG PROGRAM
RUN CGO_ENABLED=0 go build -trimpath -o /program "./$PROGRAM"

FROM alpine:3.22.1
COPY --from=build /program /program
USER nobody
ENTRYPOINT ["/program"]
