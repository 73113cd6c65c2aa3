"""Applies to the local cloud what its CloudFormation leaves out of the template.

It drops the routes and CORS settings of a SAM HttpApi, a table's TTL and a
function's reserved concurrency, and gives the API no stable address. Each step sets what the
processed template says through the service's own API, so running it again changes nothing.
On AWS none of this is needed.
"""

import json
import re
import time


class Template:
    """A deployed stack's processed template, with its intrinsic functions resolved on request."""

    def __init__(self, session, stack):
        cfn = session.client("cloudformation")
        body = cfn.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
        body = json.loads(body) if isinstance(body, str) else body
        self.resources = body["Resources"]
        self.conditions = body.get("Conditions", {})
        self.ids = {
            r["LogicalResourceId"]: r["PhysicalResourceId"]
            for page in cfn.get_paginator("list_stack_resources").paginate(StackName=stack)
            for r in page["StackResourceSummaries"]
        }
        described = cfn.describe_stacks(StackName=stack)["Stacks"][0]
        given = {p["ParameterKey"]: p["ParameterValue"] for p in described.get("Parameters", [])}
        self.parameters = {}
        for name, declared in body.get("Parameters", {}).items():
            self.parameters[name] = given.get(name, declared.get("Default", ""))
        self.region = session.region_name
        self.account = session.client("sts").get_caller_identity()["Account"]
        self.pseudo = {
            "AWS::AccountId": self.account,
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackName": stack,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def of_type(self, kind):
        """Yields (logical id, properties) of each resource of a type."""
        for name, resource in self.resources.items():
            if resource["Type"] == kind:
                yield name, resource.get("Properties", {})

    def ref(self, name):
        for known in (self.pseudo, self.parameters, self.ids):
            if name in known:
                return known[name]
        raise KeyError("template refers to unknown %r" % name)

    def attribute(self, name, attribute):
        if self.resources[name]["Type"] == "AWS::Lambda::Function" and attribute == "Arn":
            return "arn:aws:lambda:%s:%s:function:%s" % (self.region, self.account, self.ids[name])
        raise KeyError("attribute %s.%s is not one the API's definition uses" % (name, attribute))

    def holds(self, condition):
        if isinstance(condition, str):
            return self.holds(self.conditions[condition])
        (function, arguments), = condition.items()
        if function == "Fn::Equals":
            left, right = (self.resolve(a) for a in arguments)
            return left == right
        if function == "Fn::Not":
            return not self.holds(arguments[0])
        if function == "Fn::And":
            return all(self.holds(a) for a in arguments)
        if function == "Fn::Or":
            return any(self.holds(a) for a in arguments)
        if function == "Condition":
            return self.holds(arguments)
        raise KeyError("unknown condition %s" % function)

    def resolve(self, value):
        """The value with Ref, Fn::GetAtt, Fn::If and Fn::Sub carried out at every depth."""
        if isinstance(value, list):
            return [self.resolve(v) for v in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, argument), = value.items()
            if function == "Ref":
                return self.ref(argument)
            if function == "Fn::GetAtt":
                return self.attribute(*(argument.split(".", 1) if isinstance(argument, str) else argument))
            if function == "Fn::If":
                condition, yes, no = argument
                return self.resolve(yes if self.holds(condition) else no)
            if function == "Fn::Sub":
                text, names = (argument, {}) if isinstance(argument, str) else argument
                return re.sub(r"\$\{([^}!]+)\}", lambda m: str(self.substitute(m[1], names)), text)
        return {k: self.resolve(v) for k, v in value.items()}

    def substitute(self, name, names):
        if name in names:
            return self.resolve(names[name])
        return self.attribute(*name.split(".", 1)) if "." in name else self.ref(name)


def capitalised(settings):
    """OpenAPI extension settings (allowOrigins) as the service's parameters (AllowOrigins)."""
    return {k[0].upper() + k[1:]: v for k, v in settings.items()}


def http_api(gateway, template, name, body):
    """Gives API name the routes and CORS settings of its OpenAPI body."""
    api = template.ids[name]
    for item in gateway.get_routes(ApiId=api)["Items"]:
        gateway.delete_route(ApiId=api, RouteId=item["RouteId"])
    for item in gateway.get_integrations(ApiId=api)["Items"]:
        gateway.delete_integration(ApiId=api, IntegrationId=item["IntegrationId"])
    if cors := body.get("x-amazon-apigateway-cors"):
        gateway.update_api(ApiId=api, CorsConfiguration=capitalised(cors))
    integrations, routes = {}, 0
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            integration = operation.get("x-amazon-apigateway-integration")
            if not integration:
                continue
            uri = integration["uri"]
            if uri not in integrations:
                integrations[uri] = gateway.create_integration(
                    ApiId=api,
                    IntegrationType="AWS_PROXY",
                    IntegrationUri=uri,
                    PayloadFormatVersion=integration.get("payloadFormatVersion", "2.0"),
                )["IntegrationId"]
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            route = {"RouteKey": "%s %s" % (verb, path), "Target": "integrations/" + integrations[uri]}
            gateway.create_route(ApiId=api, **route)
            routes += 1
    return routes


def root_address(gateway, api):
    """Serves the API at http://127.0.0.1:<port>/ (SDKs say localhost, so the two don't meet)."""
    try:
        gateway.create_domain_name(DomainName="127.0.0.1", DomainNameConfigurations=[{"EndpointType": "REGIONAL"}])
    except gateway.exceptions.ConflictException:
        pass
    mappings = gateway.get_api_mappings(DomainName="127.0.0.1")["Items"]
    if any(m["ApiId"] == api for m in mappings):
        return
    for mapping in mappings:
        gateway.delete_api_mapping(DomainName="127.0.0.1", ApiMappingId=mapping["ApiMappingId"])
    gateway.create_api_mapping(DomainName="127.0.0.1", ApiId=api, Stage="$default")


def apply(session, stack):
    """Applies every fix-up to the stack; returns a line that says what was done."""
    template = Template(session, stack)
    gateway, dynamodb, functions = (session.client(s) for s in ("apigatewayv2", "dynamodb", "lambda"))
    began, routes = time.monotonic(), 0
    for name, properties in template.of_type("AWS::ApiGatewayV2::Api"):
        if "Body" in properties:
            routes += http_api(gateway, template, name, template.resolve(properties["Body"]))
            root_address(gateway, template.ids[name])
    for name, properties in template.of_type("AWS::DynamoDB::Table"):
        if ttl := properties.get("TimeToLiveSpecification"):
            dynamodb.update_time_to_live(TableName=template.ids[name], TimeToLiveSpecification=ttl)
    for name, properties in template.of_type("AWS::Lambda::Function"):
        if (reserved := properties.get("ReservedConcurrentExecutions")) is not None:
            functions.put_function_concurrency(
                FunctionName=template.ids[name],
                ReservedConcurrentExecutions=int(template.resolve(reserved)),
            )
    session.client("sesv2").create_email_identity(EmailIdentity=template.parameters["MailFrom"])
    return "%d routes, TTL and sender set in %.1f s" % (routes, time.monotonic() - began)
