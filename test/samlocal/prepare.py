"""Makes the tables, queues, secrets and schedule groups of an expanded template on emulators.

They are named as sam local names them to the functions: by their logical ids. Secrets are given sample values.
"""

import json
import os
import sys

import boto3

# boto3 itself reads another variable than the other SDKs.
aws = boto3.session.Session(region_name=os.environ["AWS_REGION"])

SECRETS = {
    "WebhookSecrets": "whsec_sample",
    "SlackBotToken": "xoxb-sample",
    "PagerdutyRoutingKey": "sample0000000000sample0000000000",
    "ReventoClientSecret": "sample",
    "SealingKeys": "sample-of-a-sealing-key-of-43-characters-000",
}


def resources(template, kind):
    for name, resource in template["Resources"].items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def make_tables(template):
    dynamodb = aws.client("dynamodb")
    for name, properties in resources(template, "AWS::DynamoDB::Table"):
        wanted = {"AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes"} & properties.keys()
        dynamodb.create_table(TableName=name, **{key: properties[key] for key in wanted})


def make_queues(template):
    sqs = aws.client("sqs")

    def make(name, properties):
        redrive = properties.pop("RedrivePolicy", None)
        attributes = {key: json.dumps(value).strip('"') for key, value in properties.items()}
        if redrive:
            attributes["RedrivePolicy"] = json.dumps({**redrive, "deadLetterTargetArn": arns[target(redrive)]})
        url = sqs.create_queue(QueueName=queue_name(name, properties), Attributes=attributes)["QueueUrl"]
        arns[name] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    arns = {}
    # Dead-letter queues come first: the others point to them.
    for name, properties in sorted(resources(template, "AWS::SQS::Queue"), key=lambda q: "RedrivePolicy" in q[1]):
        make(name, properties)


def target(redrive):
    return redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]


def queue_name(name, properties):
    return name + ".fifo" if properties.get("FifoQueue") else name


def make_secrets(template):
    secrets = aws.client("secretsmanager")
    for name, _ in resources(template, "AWS::SecretsManager::Secret"):
        secrets.create_secret(Name=name, SecretString=SECRETS[name])


def make_schedule_groups(template):
    scheduler = aws.client("scheduler")
    for name, _ in resources(template, "AWS::Scheduler::ScheduleGroup"):
        scheduler.create_schedule_group(Name=name)


def main(path):
    with open(path, encoding="utf-8") as file:
        template = json.load(file)
    make_tables(template)
    make_queues(template)
    make_secrets(template)
    make_schedule_groups(template)


if __name__ == "__main__":
    main(*sys.argv[1:])
