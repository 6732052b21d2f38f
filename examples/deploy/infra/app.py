"""The function as the AWS CDK deploys it, with a URL: cdk deploy."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

PROJECT = Path(__file__).parents[1]


class FunctionStack(cdk.Stack):
    """An image made from the project's Dockerfile, a function of it, and the function's URL."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        function = lambda_.DockerImageFunction(
            self,
            "Function",
            code=lambda_.DockerImageCode.from_image_asset(
                str(PROJECT), platform=ecr_assets.Platform.LINUX_AMD64, exclude=["cdk.out"]
            ),
            function_name=name,
            architecture=lambda_.Architecture.X86_64,
            memory_size=512,
            timeout=cdk.Duration.seconds(30),
        )
        url = function.add_function_url(
            auth_type=lambda_.FunctionUrlAuthType.AWS_IAM,
            invoke_mode=lambda_.InvokeMode["RESPONSE_STREAM"],
        )
        cdk.CfnOutput(self, "Url", value=url.url)


app = cdk.App()
FunctionStack(app, "greeter")
app.synth()
