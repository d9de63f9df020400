// Package cloudformation reads a deployed stack's parameters and outputs, for the operator's commands.
package cloudformation

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/settings"
)

// Stack is what a stack was deployed with.
type Stack struct {
	Name       string
	Parameters map[string]string
	Outputs    map[string]string
}

// codeNoStack is CloudFormation's for a stack that is not there, as far as the credentials and the Region reach.
const codeNoStack = "ValidationError"

// Read returns the stack. Its error names the stack, what AWS says of it and the remedy.
func Read(ctx context.Context, config aws.Config, name string) (Stack, error) {
	op := fmt.Sprintf("read the stack %s in %s", name, config.Region)
	answer, err := sdk.NewFromConfig(config).DescribeStacks(ctx, &sdk.DescribeStacksInput{StackName: &name})
	if err != nil {
		return Stack{}, found(awssdk.Failure(ctx, op, err))
	}
	if len(answer.Stacks) != 1 {
		return Stack{}, fmt.Errorf("%s: %d stacks were returned", op, len(answer.Stacks))
	}
	stack := Stack{Name: name, Parameters: map[string]string{}, Outputs: map[string]string{}}
	for _, parameter := range answer.Stacks[0].Parameters {
		stack.Parameters[aws.ToString(parameter.ParameterKey)] = aws.ToString(parameter.ParameterValue)
	}
	for _, output := range answer.Stacks[0].Outputs {
		stack.Outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	return stack, nil
}

// found adds the remedy to a failure where it is the stack that is not found.
func found(failure error) error {
	if fault.Of(failure).Reason != codeNoStack {
		return failure
	}
	return fmt.Errorf("%w: look at the name, at the Region (AWS_REGION, or the profile's) and at the account of the credentials", failure)
}

// variableStack is the variable that the template sets to the stack's name.
const variableStack = "STACK"

// Source answers as the functions' environment does.
func (s Stack) Source() settings.Source {
	values := map[string]string{variableStack: s.Name}
	for parameter, value := range s.Parameters {
		values[settings.Setting{Parameter: parameter}.Variable()] = value
	}
	return func(name string) (string, bool) {
		value, set := values[name]
		return value, set
	}
}

// Output returns an output. Its error names the output.
func (s Stack) Output(name string) (string, error) {
	value, ok := s.Outputs[name]
	if !ok {
		return "", fmt.Errorf("the stack %s has no output %s: is it a stack of revento-alerts?", s.Name, name)
	}
	return value, nil
}
