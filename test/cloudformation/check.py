"""Creates the expanded template given as the first argument in moto's CloudFormation, and compares what comes of it with the design.

The template's own tests read references; this shows that CloudFormation resolves them to what is meant. What moto cannot make
is left out, and named.
"""

import ast
import json
import re
import sys

import boto3
from moto import mock_aws

REGION = "eu-west-1"
STACK = "checked"
PARAMETERS = {"SlackChannel": "C0CHECKED1", "AlarmEmail": "on-call@example.com"}

# What a stack with connections has more.
CONNECTED_PARAMETERS = {
    "ReventoClientId": "client_0123", "ReventoAuthUrl": "https://auth.example.com", "ReventoApiUrl": "https://api.example.com/api/v1",
}
CONNECTED_QUEUES = {"Sync": ("SyncFunction", 60, 2), "Mirror": ("MirrorFunction", 60, 2)}
CONNECTED_FUNCTIONS = {"WebFunction": 60, "TickFunction": 60}
CONNECTED_TABLES = {"SeedsTable": (["partition", "life"], [])}

# What moto cannot make: by type, with all that refers to it.
LEFT_OUT = (
    "AWS::ApiGatewayV2::", "AWS::Scheduler::Schedule", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy", "AWS::SecretsManager::Secret",
)
LEFT = "left-out"

# The design: a queue's function, its time limit in seconds, and how many copies of it work on the queue.
QUEUES = {
    "Slack": ("SlackFunction", 15, 3), "Pagerduty": ("PagerdutyFunction", 10, 3), "Digest": ("DigestFunction", 60, 2),
    "Deletion": ("DeletionFunction", 60, 2), "Purge": ("PurgeFunction", 300, 2),
}
FIFO = {"Slack", "Pagerduty", "Sync", "Mirror"}
DAYS_14 = "1209600"
MAX_RECEIVES = 1000
VISIBILITY_FACTOR = 6

# The tables: partition key, sort key, index.
TABLES = {
    "DeliveriesTable": (["delivery_id"], []),
    "RecordsTable": (["partition", "sort"], [("pending", ["pending", "sort"])]),
    "DeletionsTable": (["partition", "sort"], []),
}

failures = []


def expect(what, got, want):
    if got != want:
        failures.append(f"{what}: is {got!r}, should be {want!r}")


def supported(template):
    """The template without what moto cannot make; what refers to that refers to a stand-in."""
    resources = template["Resources"]
    left_out = {name: r["Type"] for name, r in resources.items() if r["Type"].startswith(LEFT_OUT)}
    for name, resource in list(resources.items()):
        if name in left_out:
            del resources[name]
            continue
        resource["Properties"] = without(resource.get("Properties", {}), left_out)
        if resource["Type"] == "AWS::SQS::Queue" and resource["Properties"].get("FifoQueue"):
            resource["Properties"]["QueueName"] = f"{name}.fifo"  # AWS makes up such a name by itself; moto's ends otherwise
    template["Outputs"] = {}
    template.pop("Rules", None)
    return template, left_out


def without(node, left_out):
    if isinstance(node, list):
        return [without(item, left_out) for item in node]
    if not isinstance(node, dict):
        return node
    match node:
        case {"Ref": name} if name in left_out:
            return stand_in(left_out[name], name)
        case {"Fn::GetAtt": [name, *_]} if name in left_out:
            return stand_in(left_out[name], name)
        case {"Fn::Sub": str(text)}:
            for name, kind in left_out.items():
                text = re.sub(r"\$\{" + name + r"(\.\w+)?\}", stand_in(kind, name), text)
            return {"Fn::Sub": text}
    return {key: without(value, left_out) for key, value in node.items()}


def stand_in(kind, name):
    return f"arn:aws:{kind.split('::')[1].lower()}:{REGION}:123456789012:{LEFT}/{name}"


def created(template, parameters):
    cloudformation = boto3.client("cloudformation", REGION)
    cloudformation.create_stack(
        StackName=STACK, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    )
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for page in pages for r in page["StackResourceSummaries"]}


def check_queues(made, queues):
    sqs = boto3.client("sqs", REGION)
    mappings = boto3.client("lambda", REGION).list_event_source_mappings()["EventSourceMappings"]
    expect("event source mappings", len(mappings), len(queues))
    arns = {}

    def attributes(name):
        got = sqs.get_queue_attributes(QueueUrl=made[name], AttributeNames=["All"])["Attributes"]
        arns[name] = got["QueueArn"]
        expect(f"{name}: retention", got["MessageRetentionPeriod"], DAYS_14)
        expect(f"{name}: FIFO", got.get("FifoQueue") == "true", name.removesuffix("Queue").removesuffix("DeadLetter") in FIFO)
        return got

    for queue, (function, timeout, copies) in queues.items():
        attributes(f"{queue}DeadLetterQueue")
        got = attributes(f"{queue}Queue")
        redrive = json.loads(got["RedrivePolicy"])
        expect(f"{queue}Queue: dead letters go to", redrive["deadLetterTargetArn"], arns[f"{queue}DeadLetterQueue"])
        expect(f"{queue}Queue: receives", int(redrive["maxReceiveCount"]), MAX_RECEIVES)
        expect(f"{queue}Queue: visibility", int(got["VisibilityTimeout"]), VISIBILITY_FACTOR * timeout)
        own = [m for m in mappings if m["EventSourceArn"] == arns[f"{queue}Queue"]]
        expect(f"{queue}Queue: mappings", len(own), 1)
        for mapping in own:
            expect(f"{queue}Queue: its function", mapping["FunctionArn"].split(":function:")[1], made[function])
            expect(f"{queue}Queue: copies", mapping.get("ScalingConfig"), {"MaximumConcurrency": copies})
            expect(f"{queue}Queue: batch", mapping["BatchSize"], 1)
            expect(f"{queue}Queue: failures are reported", mapping.get("FunctionResponseTypes"), ["ReportBatchItemFailures"])
    return arns


def check_tables(made, tables):
    dynamodb = boto3.client("dynamodb", REGION)
    for name, (keys, indexes) in tables.items():
        got = dynamodb.describe_table(TableName=made[name])["Table"]
        expect(f"{name}: keys", [k["AttributeName"] for k in got["KeySchema"]], keys)
        expect(f"{name}: billing", got["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")
        expect(f"{name}: indexes", [(i["IndexName"], [k["AttributeName"] for k in i["KeySchema"]])
                                    for i in got.get("GlobalSecondaryIndexes", [])], indexes)


def check_functions(made, arns, timeouts):
    functions = boto3.client("lambda", REGION)
    expect("functions", sorted(n for n in made if n.endswith("Function")), sorted(timeouts))
    for name, timeout in timeouts.items():
        got = functions.get_function_configuration(FunctionName=made[name])
        expect(f"{name}: time limit", got["Timeout"], timeout)
        expect(f"{name}: role", got["Role"].split("/")[-1], made[name.replace("Function", "Role")])
        expect(f"{name}: runtime", (got["Runtime"], got["Handler"]), ("provided.al2023", "bootstrap"))
        for variable, value in got["Environment"]["Variables"].items():  # AWS makes text of numbers, moto does not
            if value is None:  # AWS leaves out what has no value, moto does not
                continue
            check_variable(f"{name}: {variable}", variable, str(value), made)
        check_role(name, made, arns)


def check_variable(what, variable, value, made):
    """What names a resource names one of this stack's."""
    known = set(made.values())
    if variable.endswith("_TABLE") or variable.endswith("_QUEUE_URL") or variable.endswith("_ID") and "SECRET" in variable:
        expect(f"{what} names a resource of the stack", value in known or LEFT in value, True)
    if "{" in value or "Fn::" in value:
        failures.append(f"{what} is not resolved: {value}")


def check_role(function, made, arns):
    """Each statement of a role is about resources of this stack, and X-Ray alone has a wildcard."""
    iam = boto3.client("iam", REGION)
    role = made[function.replace("Function", "Role")]
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    expect(f"{role}: who takes it", decoded(trust)["Statement"][0]["Principal"], {"Service": "lambda.amazonaws.com"})
    expect(f"{role}: policies of AWS' own", iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"], [])
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        for statement in listed(decoded(document)["Statement"]):
            check_statement(f"{function} may", statement, made, arns)


def check_statement(what, statement, made, arns):
    for action in listed(statement["Action"]):
        expect(f"{what} {action}: the action has a wildcard", "*" in action, False)
        for resource in listed(statement["Resource"]):
            if resource == "*":
                expect(f"{what} {action} on everything", action.startswith("xray:"), True)
                continue
            service = action.split(":")[0]
            expect(f"{what} {action}: its resource is of that service", resource.split(":")[2], service)
            if service == "sqs":
                expect(f"{what} {action}: {resource} is a queue of the stack", resource in arns.values(), True)
            if service == "dynamodb":
                expect(f"{what} {action}: {resource} is a table of the stack", resource.split("/")[1] in made.values(), True)


def decoded(document):
    return ast.literal_eval(document) if isinstance(document, str) else document  # moto may give Python's own form


def listed(value):
    values = value if isinstance(value, list) else [value]
    return [v for v in values if v is not None]  # AWS leaves out what has no value, moto does not


def main(path):
    check(path, PARAMETERS, QUEUES, TABLES, {"IngestFunction": 7})
    check(path, PARAMETERS | CONNECTED_PARAMETERS, QUEUES | CONNECTED_QUEUES, TABLES | CONNECTED_TABLES,
          {"IngestFunction": 7} | CONNECTED_FUNCTIONS)
    for failure in failures:
        print(failure)
    return 1 if failures else 0


@mock_aws(config={"lambda": {"use_docker": False}})
def check(path, parameters, queues, tables, functions):
    with open(path, encoding="utf-8") as file:
        template, left_out = supported(json.load(file))
    boto3.client("s3", REGION).create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    boto3.client("s3", REGION).put_object(Bucket="bucket", Key="code", Body=b"code")
    made = created(template, parameters)
    arns = check_queues(made, queues)
    check_tables(made, tables)
    check_functions(made, arns, {function: timeout for function, timeout, _ in queues.values()} | functions)
    kinds = ", ".join(sorted(set(left_out.values())))
    print(f"{len(made)} resources made, {len(left_out)} left out, since moto has no such: {kinds}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
