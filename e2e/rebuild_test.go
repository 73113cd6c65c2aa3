package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type rebuilt struct {
	Accounts int `json:"accounts"`
	Items    int `json:"items"`
	Views    map[string]struct {
		Same, Missing, Extra, Differs int
	} `json:"views"`
	Mended int      `json:"mended"`
	Differ []string `json:"differ"`
}

// rebuild runs rapport rebuild on a workspace and returns what it says and its exit code.
func rebuild(t *testing.T, bin, workspace string, flags ...string) (rebuilt, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin, append([]string{"rebuild", "--workspace", workspace}, flags...)...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	var got rebuilt
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("rebuild %s: %v\n%s\n%s", workspace, err, out, problems.String())
	}
	return got, cmd.ProcessState.ExitCode()
}

// rebuilds looks that the views of a workspace are what its facts give.
func rebuilds(t *testing.T, cl *cloud, bin, workspace string) {
	t.Helper()
	sound, code := rebuild(t, bin, workspace)
	if code != 0 || len(sound.Differ) > 0 || sound.Accounts == 0 || len(sound.Views) < 4 {
		t.Errorf("rebuild of %s exits with %d: %+v", workspace, code, sound)
	}
	t.Logf("rebuilt %s: %+v", workspace, sound)
}

// mends looks that a view that is damaged is found, named and mended.
func mends(t *testing.T, cl *cloud, bin, workspace string) {
	t.Helper()
	db := dynamodb.NewFromConfig(cl.config)
	var damaged map[string]types.AttributeValue
	pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: &cl.Table, FilterExpression: aws.String("begins_with(PK, :p) AND begins_with(SK, :l)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": &types.AttributeValueMemberS{Value: workspace + "#P#"}, ":l": &types.AttributeValueMemberS{Value: "L#"}}})
	for damaged == nil && pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) > 0 {
			damaged = page.Items[0]
		}
	}
	if damaged == nil {
		t.Fatalf("no lead in %s", workspace)
	}
	damaged["Micro"] = &types.AttributeValueMemberN{Value: "987654321"}
	if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &cl.Table, Item: damaged}); err != nil {
		t.Fatal(err)
	}
	person, _ := damaged["PK"].(*types.AttributeValueMemberS)
	account := "acc_" + strings.TrimPrefix(person.Value, workspace+"#P#per_")
	found, code := rebuild(t, bin, workspace, "--account", account)
	if code != 1 || len(found.Differ) != 1 || !strings.HasPrefix(found.Differ[0], "lead: differs ") || !strings.Contains(found.Differ[0], strings.TrimPrefix(person.Value, workspace+"#")) {
		t.Errorf("a damaged lead: exit code %d, %+v", code, found.Differ)
	}
	if mended, code := rebuild(t, bin, workspace, "--account", account, "--mend"); code != 0 || mended.Mended != 1 {
		t.Errorf("mend: exit code %d, %+v", code, mended)
	}
	if again, code := rebuild(t, bin, workspace, "--account", account); code != 0 || len(again.Differ) > 0 {
		t.Errorf("after it was mended: exit code %d, %+v", code, again.Differ)
	}
}
