# Kafka with the Prometheus JMX exporter, as kafka/kafkatest runs it without containers.
FROM maven:3.9.9-eclipse-temurin-17 AS exporter
RUN mvn --batch-mode --quiet org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
    -Dartifact=io.prometheus.jmx:jmx_prometheus_javaagent:1.0.1 -DoutputDirectory=/exporter

FROM apache/kafka:4.3.1
COPY --from=exporter /exporter/jmx_prometheus_javaagent-1.0.1.jar /opt/exporter.jar
