package secret_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/secret"
	"rapport/internal/store/storetest"
)

func TestSecretsAreKeptUpToWhatAParameterHolds(t *testing.T) {
	_, table := storetest.NewTable(t) // its name is unused by others
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keep := secret.New(cfg, "/rapport/"+table.Name+"/apps/")
	if _, err := keep.App(t.Context(), "app"); !fault.Is(err, fault.NotFound) {
		t.Errorf("before: %v", err)
	}
	want := platform.Secrets{Keys: []string{"new", "old"}, VerifyToken: "v", Token: strings.Repeat("t", 3900), TokenHost: "api.example.com"}
	if err := keep.PutApp(t.Context(), "app", want); err != nil {
		t.Fatal(err)
	}
	long := want
	long.Keys = append(long.Keys, strings.Repeat("k", 160))
	if err := keep.PutApp(t.Context(), "app", long); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "kkk") {
		t.Errorf("too long together: %v", err)
	}
	if got, err := keep.App(t.Context(), "app"); err != nil || !cmp.Equal(got, want) {
		t.Errorf("after: %+v, %v", got, err)
	}
	if err := keep.DeleteApp(t.Context(), "app"); err != nil {
		t.Error(err)
	}
	if _, err := keep.App(t.Context(), "app"); !fault.Is(err, fault.NotFound) {
		t.Errorf("deleted: %v", err)
	}
}
