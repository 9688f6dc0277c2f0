package client

import (
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/connection"
)

// connectTime bounds the dialling of a broker, and what a broker may take beyond RequestTimeout to
// answer.
const connectTime = 5 * time.Second

// Sarama returns Sarama's configuration for cfg, which must be complete. The caller may change it
// before it connects.
func Sarama(cfg connection.Config) *sarama.Config {
	s := sarama.NewConfig()
	s.ClientID = cfg.ClientID
	s.Version = sarama.V2_8_0_0 // of the requests; any later broker answers them
	s.Net.DialTimeout = connectTime
	s.Net.ReadTimeout = cfg.RequestTimeout + connectTime
	s.Net.WriteTimeout = cfg.RequestTimeout
	s.Metadata.AllowAutoTopicCreation = false
	s.Metadata.Timeout = 2 * s.Net.ReadTimeout // not minutes, and enough for a second broker if the first one hangs
	s.Admin.Timeout = cfg.RequestTimeout
	secure(s, cfg.Security)
	return s
}

// secure makes Sarama connect as configured.
func secure(c *sarama.Config, s connection.Security) {
	if s.TLS != nil {
		c.Net.TLS.Enable, c.Net.TLS.Config = true, s.TLS
	}
	if s.SASL == nil {
		return
	}
	c.Net.SASL.Enable = true
	c.Net.SASL.Mechanism = sarama.SASLMechanism(s.SASL.Mechanism)
	c.Net.SASL.User, c.Net.SASL.Password = s.SASL.Username, s.SASL.Password.Reveal()
	if hash := scramHash(s.SASL.Mechanism); hash != nil {
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: hash} }
	}
}
