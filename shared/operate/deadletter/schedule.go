package deadletter

import (
	"encoding/json"
	"fmt"
	"strings"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/clip"
)

// The attributes of a letter of EventBridge Scheduler's own, which could not reach a queue. Its body is the call that was to be
// made, or what was to be sent.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html#configuring-schedule-dlq-dead-letter-event
const (
	attributeErrorCode     = "ERROR_CODE"
	attributeErrorMessage  = "ERROR_MESSAGE"
	attributeExhausted     = "EXHAUSTED_RETRY_CONDITION"
	attributeRetries       = "RETRY_ATTEMPTS"
	attributeScheduledTime = "SCHEDULED_TIME"
	attributeScheduleARN   = "SCHEDULE_ARN"
	attributeTruncated     = "IS_PAYLOAD_TRUNCATED"
)

// ReasonScheduler is the reason of such a letter, and goes on with the code that Scheduler was answered.
const ReasonScheduler = "scheduler"

// scheduledTime is the word in a schedule's input for which Scheduler writes the moment that it means.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
const scheduledTime = "<aws.scheduler.scheduled-time>"

// maxDetail bounds what a letter shows of text of others, in characters.
const maxDetail = 500

func isScheduled(received queue.Received) bool {
	return received.Attributes[attributeScheduleARN] != ""
}

// scheduledReason is the code of why Scheduler gave up, and scheduledDetail the rest of it.
func scheduledReason(received queue.Received) string {
	code := received.Attributes[attributeErrorCode]
	if code == "" {
		code = received.Attributes[attributeExhausted]
	}
	return clip.Runes(clip.Line(ReasonScheduler+": "+code), maxDetail)
}

func scheduledDetail(received queue.Received) string {
	arn := received.Attributes[attributeScheduleARN]
	detail := fmt.Sprintf("schedule %s, due at %s, was given up after %s retries", arn[strings.LastIndex(arn, "/")+1:],
		received.Attributes[attributeScheduledTime], received.Attributes[attributeRetries])
	if exhausted := received.Attributes[attributeExhausted]; exhausted != "" {
		detail += " (" + exhausted + ")"
	}
	return clip.Runes(clip.Line(detail+": "+received.Attributes[attributeErrorMessage]), maxDetail)
}

// isTruncated says whether Scheduler cut the letter's body.
func isTruncated(received queue.Received) bool {
	return received.Attributes[attributeTruncated] == "true"
}

// bodyOf is what the letter's queue was to get.
func bodyOf(received queue.Received) string {
	if !isScheduled(received) {
		return received.Body
	}
	body := received.Body
	var call struct {
		MessageBody string
	}
	if json.Unmarshal([]byte(body), &call) == nil && call.MessageBody != "" {
		body = call.MessageBody
	}
	if at := received.Attributes[attributeScheduledTime]; at != "" {
		body = strings.ReplaceAll(body, scheduledTime, at)
	}
	return body
}
