// Command lag-exporter shows Prometheus where a cluster's topics and consumer groups stand, as a
// client sees them: what brokers do not say of themselves, above all how far each group is behind.
//
//	KAFKA_BROKERS=localhost:9092,localhost:9093,localhost:9094 go run ./examples/infrastructure/lag-exporter
//
// It asks the cluster anew at each scrape of /metrics, keeps nothing and commits nothing. Where the
// cluster cannot be asked within 4 seconds the scrape fails, so that Prometheus shows the exporter
// as down instead of old numbers. The names are those of the widespread danielqsj/kafka_exporter,
// so that its dashboards fit too:
//
//	kafka_brokers                                               brokers that are alive
//	kafka_topic_partitions{topic}                               partitions
//	kafka_topic_partition_current_offset{topic,partition}       offset after the last record
//	kafka_topic_partition_oldest_offset{topic,partition}        offset of the first record that is kept
//	kafka_topic_partition_in_sync_replica{topic,partition}      replicas that have everything
//	kafka_topic_partition_replicas{topic,partition}             replicas in all
//	kafka_consumergroup_members{consumergroup}                  consumers of a group
//	kafka_consumergroup_current_offset{consumergroup,topic,partition}
//	kafka_consumergroup_lag{consumergroup,topic,partition}      records that the group has yet to commit
//	kafka_lag_exporter_unanswered                               questions that a part of the cluster left unanswered
//
// Where a group never committed a partition of a topic that it reads, all that the partition holds
// is lag. Topics of Kafka's own, such as __consumer_offsets, are left out. It speaks no TLS and no
// SASL: it is for clusters as this folder starts them.
package main
