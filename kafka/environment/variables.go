package environment

// The variables that [Read] reads. KAFKA_BROKERS alone is required.
const (
	// Brokers are addresses, host:port, with commas between them.
	Brokers = "KAFKA_BROKERS"
	// ClientID is [connection.Config].ClientID.
	ClientID = "KAFKA_CLIENT_ID"
	// TopicPrefix is [topics.Config].Prefix.
	TopicPrefix = "KAFKA_TOPIC_PREFIX"
	// TransactionalIDPrefix is [kafka.Config].TransactionalIDPrefix.
	TransactionalIDPrefix = "KAFKA_TRANSACTIONAL_ID_PREFIX"
	// IndexDir is [kafka.Config].IndexDir.
	IndexDir = "KAFKA_INDEX_DIR"
	// ReplicationFactor is [topics.Config].ReplicationFactor.
	ReplicationFactor = "KAFKA_REPLICATION_FACTOR"
	// MinInSyncReplicas is [topics.Config].MinInSyncReplicas.
	MinInSyncReplicas = "KAFKA_MIN_INSYNC_REPLICAS"
	// Compression is [topics.Config].Compression.
	Compression = "KAFKA_COMPRESSION"
	// ProviderSettings are [topics.Config].ProviderSettings, with commas between them.
	ProviderSettings = "KAFKA_PROVIDER_SETTINGS"
)

// The variables of [connection.Security].
const (
	// SecurityProtocol is PLAINTEXT (the default), SSL, SASL_PLAINTEXT or SASL_SSL.
	SecurityProtocol = "KAFKA_SECURITY_PROTOCOL"
	// SASLMechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
	SASLMechanism = "KAFKA_SASL_MECHANISM"
	// SASLUsername is [connection.SASL].Username.
	SASLUsername = "KAFKA_SASL_USERNAME"
	// SASLPassword is [connection.SASL].Password.
	SASLPassword = "KAFKA_SASL_PASSWORD" //nolint:gosec // the name of a variable, not a password
	// SASLPasswordFile is a file that holds the password, without its last line end.
	SASLPasswordFile = "KAFKA_SASL_PASSWORD_FILE" //nolint:gosec // the name of a variable, not a password
	// CA is a file of the authorities that may vouch for brokers, PEM. Default: the system's
	// authorities.
	CA = "KAFKA_SSL_CA_LOCATION"
	// Certificate is a file of this service's certificate, and of those between it and the
	// authority's, PEM.
	Certificate = "KAFKA_SSL_CERTIFICATE_LOCATION"
	// Key is a file of the certificate's private key, PEM, not encrypted.
	Key = "KAFKA_SSL_KEY_LOCATION"
)
