// Command lag-exporter shows Prometheus how a cluster's topics and consumer groups stand, as a
// client sees them. The brokers' own metrics do not say that: above all, how far each group is
// behind.
//
//	KAFKA_BROKERS=localhost:9092,localhost:9093,localhost:9094 go run ./examples/infrastructure/lag-exporter
//
// It asks the cluster anew at each scrape of /metrics. It keeps nothing and commits nothing. If the
// cluster does not answer within 4 seconds, the scrape fails. Then Prometheus shows that the
// exporter is down, and no old numbers. The metrics have the names of the widespread
// danielqsj/kafka_exporter, so its dashboards fit, too:
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
// If a group never committed an offset of a partition that it reads, everything in the partition is
// lag. Kafka's own topics, such as __consumer_offsets, are left out. The program speaks neither TLS
// nor SASL: it is for clusters as this folder starts them.
package main
